package org.jenkinsml.harness;

import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.codehaus.groovy.runtime.DefaultGroovyMethods;
import org.codehaus.groovy.runtime.MetaClassHelper;

/** How the sandbox names what it refuses. */
final class Signatures {

    private Signatures() {
    }

    static String method(Object receiver, String method, Object[] arguments) {
        return receiver instanceof Class<?> type ? staticMethod(type, method, arguments)
                : "method " + receiver.getClass().getName() + " " + method + types(arguments);
    }

    static String staticMethod(Class<?> type, String method, Object[] arguments) {
        return "staticMethod " + type.getName() + " " + method + types(arguments);
    }

    static String constructor(Class<?> type, Object[] arguments) {
        return "new " + type.getName() + types(arguments);
    }

    static String property(Object receiver, String property) {
        String getter = "get" + MetaClassHelper.capitalize(property);
        if (property.equals("metaClass")) {
            return staticMethod(DefaultGroovyMethods.class, getter, new Object[] {receiver});
        }
        return method(receiver, getter, new Object[0]);
    }

    private static String types(Object[] arguments) {
        return Stream.of(arguments).map(argument -> " " + (argument == null ? "null" : argument.getClass().getName()))
                .collect(Collectors.joining());
    }
}
