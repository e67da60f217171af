package org.jenkinsml.harness;

import groovy.lang.Closure;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** An {@code environment} section while it is evaluated: its variables may refer to each other in any order. */
public final class PendingEnvironment implements Live {

    private final Build build;
    private final Map<String, Closure<?>> definitions = new LinkedHashMap<>();
    private final Map<String, Object> values = new LinkedHashMap<>();
    private final Set<String> evaluating = new HashSet<>();

    PendingEnvironment(Build build) {
        this.build = build;
    }

    public void define(String name, Closure<?> definition) {
        definitions.put(name, definition);
    }

    /** Whether a reference means a variable of this section; one that refers to itself means the outer one. */
    public boolean defines(String name) {
        return definitions.containsKey(name) && !evaluating.contains(name);
    }

    /** The value, evaluated on first use by the script itself. */
    public Object value(String name) {
        return values.containsKey(name) ? values.get(name) : build.host().evaluate(this, name);
    }

    public boolean isKnown(String name) {
        return values.containsKey(name);
    }

    public Object knownValue(String name) {
        return values.get(name);
    }

    public Closure<?> begin(String name) {
        evaluating.add(name);
        return definitions.get(name);
    }

    public void end(String name) {
        evaluating.remove(name);
    }

    public void know(String name, Object value) {
        values.put(name, value);
    }
}
