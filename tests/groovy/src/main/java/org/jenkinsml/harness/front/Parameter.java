package org.jenkinsml.harness.front;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.codehaus.groovy.runtime.ScriptBytecodeAdapter;

/**
 * One parameter of a step, option, trigger and so on. A required one is an argument of the constructor on the server,
 * an optional one has a setter.
 */
public record Parameter(String name, boolean required, Type type) {

    /** The type of a parameter; {@code values} are those of an enum, {@code describable} takes nested definitions. */
    public record Type(String displayName, Class<?> javaType, List<String> values, boolean describable) {
    }

    private static final Map<String, Class<?>> JAVA_TYPES = Map.ofEntries(
            Map.entry("String", String.class),
            Map.entry("boolean", boolean.class),
            Map.entry("Boolean", Boolean.class),
            Map.entry("int", int.class),
            Map.entry("Integer", Integer.class),
            Map.entry("long", long.class),
            Map.entry("Long", Long.class),
            Map.entry("double", double.class),
            Map.entry("Object", Object.class),
            Map.entry("List", List.class),
            Map.entry("Map", Map.class),
            Map.entry("Collection", Collection.class));

    /** Stands for a class that only the server has: no literal converts to it. */
    private static final class ServerClass {
        private ServerClass() {
        }
    }

    static Type javaType(String name) {
        Class<?> type = JAVA_TYPES.get(name);
        return type == null ? null : new Type(type.toString(), type, null, false);
    }

    static Type serverType(String className, List<String> values, boolean describable) {
        return new Type("class " + className, ServerClass.class, values, describable);
    }

    /** Whether the validator lets the literal pass: Groovy's cast, but no mixing of text, integers and booleans. */
    boolean accepts(Object literal) {
        if (literal == null) {
            return true;
        }
        if (type.values() != null) {
            return literal instanceof String && type.values().contains(literal);
        }
        Class<?> target = type.javaType();
        if (target == String.class && (literal instanceof Integer || literal instanceof Boolean)) {
            return false;
        }
        if (target == int.class && (literal instanceof String || literal instanceof Boolean)) {
            return false;
        }
        try {
            ScriptBytecodeAdapter.castToType(literal, target);
            return true;
        } catch (Throwable e) { // castToType declares Throwable; a failed cast is the answer "no"
            return false;
        }
    }
}
