package org.jenkinsml.harness;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jenkinsml.harness.globals.BuildGlobal;

/** The conditions of {@code when} that need no code of the script. */
final class WhenConditions {

    private WhenConditions() {
    }

    static boolean holds(Build build, Context context, String condition, Map<String, Object> arguments) {
        Map<String, String> environment = build.environment(context);
        return switch (condition) {
            case "branch" -> matches(arguments, environment.get("BRANCH_NAME"));
            case "tag" -> matches(arguments, environment.get("TAG_NAME"));
            case "buildingTag" -> environment.get("TAG_NAME") != null;
            case "environment" -> isVariable(arguments, environment);
            case "equals" -> areEqual(arguments.get("expected"), arguments.get("actual"));
            case "triggeredBy" -> isTriggeredBy(build, arguments);
            case "changeRequest" -> isChangeRequest(build.job().options().change(), arguments);
            case "changelog" -> isMessage(build.job().options().message(), arguments);
            case "changeset" -> isChanged(build.job().options().changedFiles(), arguments);
            case "isRestartedRun" -> false; // no build is restarted here
            default -> throw new IllegalArgumentException("No such when condition: " + condition);
        };
    }

    /** Every attribute that is given has to match, as a plain text unless a comparator says otherwise. */
    private static boolean isChangeRequest(Map<String, Object> change, Map<String, Object> arguments) {
        return !change.isEmpty() && arguments.entrySet().stream().filter(argument -> !argument.getKey().equals("comparator"))
                .allMatch(argument -> matches(Map.of("pattern", argument.getValue(),
                        "comparator", arguments.getOrDefault("comparator", "EQUALS")), attribute(change, argument.getKey())));
    }

    private static String attribute(Map<String, Object> change, String name) {
        Object value = change.get(name);
        return value == null ? null : value.toString();
    }

    private static boolean isMessage(String message, Map<String, Object> arguments) {
        return message != null && Pattern.compile(String.valueOf(arguments.get("pattern")),
                Pattern.MULTILINE | Pattern.DOTALL).matcher(message).matches();
    }

    private static boolean isChanged(List<String> files, Map<String, Object> arguments) {
        String pattern = String.valueOf(arguments.get("pattern"));
        boolean caseSensitive = Boolean.TRUE.equals(arguments.get("caseSensitive"));
        return switch ((String) arguments.getOrDefault("comparator", "GLOB")) {
            case "EQUALS" -> files.contains(pattern);
            case "REGEXP" -> files.stream().anyMatch(Pattern.compile(pattern).asMatchPredicate());
            case "GLOB" -> files.stream().anyMatch(AntPattern.compile(pattern, caseSensitive).asMatchPredicate());
            default -> false;
        };
    }

    private static boolean isVariable(Map<String, Object> arguments, Map<String, String> environment) {
        String value = environment.get(String.valueOf(arguments.get("name")));
        String wanted = String.valueOf(arguments.get("value"));
        if (value == null) {
            return wanted.isEmpty();
        }
        return Boolean.TRUE.equals(arguments.get("ignoreCase")) ? value.equalsIgnoreCase(wanted) : value.equals(wanted);
    }

    private static boolean areEqual(Object expected, Object actual) {
        return expected instanceof Number a && actual instanceof Number b && !a.getClass().equals(b.getClass())
                ? a.doubleValue() == b.doubleValue() : Objects.equals(expected, actual);
    }

    /** A pattern against a name; without comparator as a pattern of Ant, with an unknown one never. */
    static boolean matches(Map<String, Object> arguments, String name) {
        String pattern = String.valueOf(arguments.get("pattern"));
        String comparator = (String) arguments.getOrDefault("comparator", "GLOB");
        if (name == null) {
            return false;
        }
        return switch (comparator) {
            case "EQUALS" -> name.equals(pattern);
            case "GLOB" -> AntPattern.matches(pattern, name);
            case "REGEXP" -> Pattern.matches(pattern, name);
            default -> false;
        };
    }

    /** The class of a cause, in full or simple, with or without its end "Cause"; its detail is the user. */
    private static boolean isTriggeredBy(Build build, Map<String, Object> arguments) {
        String wanted = String.valueOf(arguments.get("cause"));
        List<Map<String, Object>> causes = new BuildGlobal(build, Context::empty).getBuildCauses();
        return causes.stream().anyMatch(cause -> {
            String type = String.valueOf(cause.get("_class"));
            String simple = type.substring(Math.max(type.lastIndexOf('.'), type.lastIndexOf('$')) + 1);
            boolean isType = type.equals(wanted) || simple.equals(wanted) || simple.equals(wanted + "Cause");
            Object detail = arguments.get("detail");
            return isType && (detail == null || detail.equals(cause.get("userId")));
        });
    }
}
