package org.jenkinsml.evaluate;

import groovy.lang.Closure;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Notes calls and assignments with their evaluated values, and runs blocks so that what stands in them is noted below.
 * No step does anything.
 */
final class Recorder {

    /** What a stage's command ends with: a refusal of the gate, so that the lines that handle one are evaluated too. */
    private static final int EXIT_CODE = 3;

    private final List<Map<String, Object>> calls = new ArrayList<>();
    private final Deque<List<Map<String, Object>>> blocks = new ArrayDeque<>(List.of(calls));

    List<Map<String, Object>> calls() {
        return calls;
    }

    Object call(String name, Object[] arguments) {
        List<Object> values = new ArrayList<>();
        List<Map<String, Object>> inside = new ArrayList<>();
        Map<String, Object> call = new LinkedHashMap<>();
        call.put("call", name);
        call.put("arguments", values);
        call.put("inside", inside);
        blocks.peek().add(call);
        for (Object argument : arguments) {
            if (argument instanceof Closure<?> block) {
                blocks.push(inside);
                block.call();
                blocks.pop();
            } else {
                values.add(Values.plain(argument));
            }
        }
        boolean asksForCode = name.equals("sh") && arguments[0] instanceof Map<?, ?> given && given.containsKey("returnStatus");
        return asksForCode ? (Object) EXIT_CODE : new Named(name + "()");
    }

    Object read(String name) {
        return new Named(name);
    }

    void assign(String name, Object value) {
        Map<String, Object> assignment = new LinkedHashMap<>();
        assignment.put("assign", name);
        assignment.put("value", Values.plain(value));
        blocks.peek().add(assignment);
    }
}
