package org.jenkinsml.harness;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Build parameters: what they are by default and what a given value becomes. */
final class Parameters {

    /** One parameter of a job. */
    record Definition(String name, String type, Object defaultValue, List<String> choices) {

        /** What a script sees when the build is started with that value. */
        Object value(Object given) {
            return switch (type) {
                case "booleanParam" -> Boolean.parseBoolean(String.valueOf(given));
                case "password", "string", "text" -> String.valueOf(given);
                default -> given;
            };
        }

        boolean accepts(Object given) {
            return !type.equals("choice") || choices.contains(String.valueOf(given));
        }
    }

    private Parameters() {
    }

    static Map<String, Definition> of(List<?> described) {
        Map<String, Definition> definitions = new LinkedHashMap<>();
        for (Object item : described) {
            if (item instanceof Described parameter) {
                Definition definition = definition(parameter);
                definitions.put(definition.name(), definition);
            }
        }
        return definitions;
    }

    static Definition definition(Described parameter) {
        String name = parameter.text("name");
        if (name == null || name.isBlank()) {
            throw new IllegalArgumentException("Parameter names must not be empty");
        }
        List<String> choices = choices(parameter.arguments().get("choices"));
        Object defaultValue = switch (parameter.symbol()) {
            case "booleanParam" -> Boolean.TRUE.equals(parameter.arguments().get("defaultValue"));
            case "choice" -> choices.isEmpty() ? null : choices.get(0);
            case "string", "text", "password", "credentials" ->
                    parameter.text("defaultValue") == null ? "" : parameter.text("defaultValue");
            default -> null;
        };
        if (Boolean.TRUE.equals(parameter.arguments().get("trim")) && defaultValue instanceof String text) {
            defaultValue = text.strip();
        }
        return new Definition(name, parameter.symbol(), defaultValue, choices);
    }

    private static List<String> choices(Object choices) {
        if (choices == null) {
            return List.of();
        }
        return choices instanceof List<?> list ? list.stream().map(String::valueOf).toList()
                : choices.toString().lines().filter(line -> !line.isEmpty()).toList();
    }
}
