package org.jenkinsml.harness;

import java.io.Serializable;
import java.util.Map;
import java.util.stream.Collectors;

/** A definition that a script writes as a call but that does nothing yet: {@code string(name: 'A')}, say. */
public record Described(String symbol, Map<String, Object> arguments) implements Serializable {

    private static final long serialVersionUID = 1;

    /** An argument as text, or null. */
    public String text(String name) {
        Object value = arguments.get(name);
        return value == null ? null : value.toString();
    }

    @Override
    public String toString() {
        return arguments.entrySet().stream().map(e -> e.getKey() + "=" + e.getValue())
                .collect(Collectors.joining(",", "@" + symbol + "(", ")"));
    }
}
