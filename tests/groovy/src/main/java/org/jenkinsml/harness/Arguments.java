package org.jenkinsml.harness;

import groovy.lang.Closure;
import groovy.lang.GString;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jenkinsml.harness.front.Describable;
import org.jenkinsml.harness.front.Parameter;

/** The arguments of a step by name, converted to the types that it declares, and its block. */
record Arguments(Map<String, Object> named, Closure<?> body) {

    /** Reads them as written: {@code step(a: 1) { }}, {@code step 'value'}, {@code step { }}. */
    static Arguments of(String step, Object[] written, Describable definition) {
        List<Object> values = new ArrayList<>(Arrays.asList(written));
        Closure<?> body = null;
        if (!values.isEmpty() && values.get(values.size() - 1) instanceof Closure<?> last && takesBlock(definition)) {
            body = last;
            values.remove(values.size() - 1);
        }
        return new Arguments(convert(step, named(step, values, definition), definition), body);
    }

    private static boolean takesBlock(Describable definition) {
        return definition == null || definition.block() || definition.parameters().isEmpty();
    }

    private static Map<String, Object> named(String step, List<Object> values, Describable definition) {
        if (values.isEmpty()) {
            return new LinkedHashMap<>();
        }
        if (values.size() == 1 && values.get(0) instanceof Map<?, ?> map && !meansOneMap(definition)) {
            Map<String, Object> named = new LinkedHashMap<>();
            map.forEach((name, value) -> named.put(String.valueOf(name), plain(value)));
            return named;
        }
        if (values.size() > 1) {
            throw new IllegalArgumentException("Expected named arguments but got " + values);
        }
        Map<String, Object> named = new LinkedHashMap<>();
        if (definition != null && definition.parameters().isEmpty() && values.get(0) == null) {
            return named;
        }
        Parameter sole = sole(definition);
        if (sole == null) {
            throw new IllegalArgumentException("There are multiple or no required parameters for " + step
                    + ": named arguments are needed");
        }
        named.put(sole.name(), plain(values.get(0)));
        return named;
    }

    private static boolean meansOneMap(Describable definition) {
        Parameter sole = sole(definition);
        return sole != null && sole.type().javaType() == Map.class;
    }

    private static Parameter sole(Describable definition) {
        if (definition == null) {
            return null;
        }
        Parameter required = definition.soleRequired();
        return required == null && definition.parameters().size() == 1 ? definition.parameters().get(0) : required;
    }

    /** Values as a step gets them: no GStrings. */
    static Object plain(Object value) {
        if (value instanceof GString) {
            return value.toString();
        }
        if (value instanceof List<?> list) {
            List<Object> plain = new ArrayList<>();
            list.forEach(item -> plain.add(plain(item)));
            return plain;
        }
        return value;
    }

    private static Map<String, Object> convert(String step, Map<String, Object> named, Describable definition) {
        if (definition != null) {
            named.replaceAll((name, value) -> convert(step, definition.parameter(name), value));
        }
        return named;
    }

    private static Object convert(String step, Parameter parameter, Object value) {
        if (parameter == null || value == null) {
            return value;
        }
        Parameter.Type type = parameter.type();
        if (type.values() != null) {
            if (!type.values().contains(value.toString())) {
                throw new IllegalArgumentException("No enum constant " + type.displayName() + "." + value);
            }
            return value.toString();
        }
        Class<?> wanted = type.javaType();
        if (wanted == String.class && !(value instanceof String)) {
            throw mismatch(step, parameter, value);
        }
        if (wanted == int.class || wanted == Integer.class || wanted == long.class || wanted == Long.class) {
            return number(step, parameter, value, wanted);
        }
        if ((wanted == boolean.class || wanted == Boolean.class) && !(value instanceof Boolean)) {
            if (value instanceof String text) {
                return Boolean.parseBoolean(text);
            }
            throw mismatch(step, parameter, value);
        }
        if (wanted == List.class && !(value instanceof List)) {
            if (value instanceof Object[] array) {
                return Arrays.asList(array);
            }
            throw mismatch(step, parameter, value);
        }
        return value;
    }

    private static Object number(String step, Parameter parameter, Object value, Class<?> wanted) {
        boolean large = wanted == long.class || wanted == Long.class;
        if (value instanceof Number number) {
            return large ? (Object) number.longValue() : (Object) number.intValue();
        }
        try {
            return large ? (Object) Long.valueOf(value.toString()) : (Object) Integer.valueOf(value.toString());
        } catch (NumberFormatException e) {
            throw mismatch(step, parameter, value);
        }
    }

    private static ClassCastException mismatch(String step, Parameter parameter, Object value) {
        return new ClassCastException(step + "." + parameter.name() + " expects " + parameter.type().displayName()
                + " but received " + value.getClass());
    }
}
