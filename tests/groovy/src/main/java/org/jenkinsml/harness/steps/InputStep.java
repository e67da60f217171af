package org.jenkinsml.harness.steps;

import hudson.model.Result;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException;
import org.jenkinsml.harness.Described;
import org.jenkinsml.harness.Json;

/** Asks a person, whose answer comes from the command line; without one it waits until something ends it. */
final class InputStep {

    private static final String COUNT = "inputs";

    private InputStep() {
    }

    static Object run(StepCall call) throws Exception {
        String[] answer = call.build().job().options().answer(next(call)).strip().split("\\s+", 2);
        String user = call.build().job().server().user();
        List<Described> parameters = parameters(call);
        if (answer[0].equals("approve")) {
            call.log("Input requested\nApproved by " + user);
            return values(call, parameters, answer.length > 1 ? Json.object(answer[1]) : Map.of(), answer.length > 1);
        }
        if (answer[0].equals("abort")) {
            call.log("Input requested\nRejected by " + user);
            throw new FlowInterruptedException(Result.ABORTED, true, "Rejected by " + user);
        }
        call.log(call.required("message") + "\n" + (call.has("ok") ? call.text("ok") : "Proceed") + " or Abort");
        CountDownLatch stopped = new CountDownLatch(1);
        call.onStop(stopped::countDown);
        stopped.await();
        return null;
    }

    private static int next(StepCall call) {
        synchronized (call.build()) {
            return (Integer) call.build().notes().merge(COUNT, 1, (a, b) -> (Integer) a + (Integer) b) - 1;
        }
    }

    private static List<Described> parameters(StepCall call) {
        List<Described> parameters = new ArrayList<>();
        for (Object item : Json.asList(call.get("parameters"))) {
            if (item instanceof Described parameter) {
                parameters.add(parameter);
            }
        }
        return parameters;
    }

    /** The value of a sole parameter or all by name; just proceeding leaves them null. */
    private static Object values(StepCall call, List<Described> parameters, Map<String, Object> given, boolean submitted) {
        Map<String, Object> values = new LinkedHashMap<>();
        for (Described parameter : parameters) {
            String name = parameter.text("name");
            Object byDefault = parameter.symbol().equals("choice") ? firstChoice(parameter)
                    : parameter.arguments().get("defaultValue");
            values.put(name, submitted ? given.getOrDefault(name, byDefault) : null);
        }
        if (call.has("submitterParameter")) {
            values.put(call.text("submitterParameter"), submitted ? call.build().job().server().user() : null);
        }
        return switch (values.size()) {
            case 0 -> null;
            case 1 -> values.values().iterator().next();
            default -> submitted ? values : null;
        };
    }

    private static Object firstChoice(Described parameter) {
        return parameter.arguments().get("choices") instanceof List<?> list ? list.get(0)
                : parameter.text("choices").lines().findFirst().orElse(null);
    }
}
