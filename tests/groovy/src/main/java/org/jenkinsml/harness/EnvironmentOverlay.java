package org.jenkinsml.harness;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Variables that a block adds to the environment; a key {@code PATH+ANYTHING} puts its value in front of PATH. */
record EnvironmentOverlay(Map<String, String> variables) {

    static EnvironmentOverlay of(List<String> assignments) {
        Map<String, String> variables = new TreeMap<>();
        for (String assignment : assignments) {
            int equals = assignment.indexOf('=');
            if (equals < 0) {
                variables.put(assignment, "");
            } else {
                variables.put(assignment.substring(0, equals), assignment.substring(equals + 1));
            }
        }
        return new EnvironmentOverlay(variables);
    }

    void applyTo(Map<String, String> environment) {
        variables.forEach((key, value) -> {
            int plus = key.indexOf('+');
            if (plus > 0) {
                String name = key.substring(0, plus);
                String old = environment.get(name);
                environment.put(name, old == null || old.isEmpty() ? value : value + ":" + old);
            } else {
                environment.put(key, value);
            }
        });
    }
}
