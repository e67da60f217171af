package org.jenkinsml.harness.steps;

import static org.jenkinsml.harness.steps.Step.synchronous;

import hudson.AbortException;
import hudson.model.Result;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jenkinsml.harness.Durations;
import org.jenkinsml.harness.StageRecord;

/** Messages, results, waiting, tools: what needs no files. */
final class BasicSteps {

    private BasicSteps() {
    }

    static void addTo(Map<String, Step> steps) {
        steps.put("echo", synchronous(BasicSteps::echo));
        steps.put("error", synchronous(BasicSteps::error));
        steps.put("unstable", synchronous(BasicSteps::unstable));
        steps.put("isUnix", synchronous(call -> {
            call.directory();
            return true;
        }));
        steps.put("pwd", synchronous(BasicSteps::pwd));
        steps.put("sleep", BasicSteps::sleep);
        steps.put("tool", BasicSteps::tool);
        steps.put("envVarsForTool", BasicSteps::environmentOfTool);
        steps.put("getContext", call -> null);
    }

    private static Object echo(StepCall call) {
        call.build().console().echo(String.valueOf(call.get("message")), call.context());
        return null;
    }

    private static Object error(StepCall call) throws AbortException {
        throw new AbortException(call.text("message"));
    }

    private static Object unstable(StepCall call) {
        String message = call.text("message");
        if (message == null || message.isBlank()) {
            throw new IllegalArgumentException("A non-empty message is required");
        }
        call.log("WARNING: " + message);
        warn(call, Result.UNSTABLE, Result.UNSTABLE);
        return null;
    }

    /** The build and the stage around the step get these results, unless they have worse ones. */
    static void warn(StepCall call, Result buildResult, Result stageResult) {
        call.build().worsen(buildResult);
        StageRecord stage = call.context().get(StageRecord.class);
        if (stage != null) {
            stage.mark(stageResult);
        }
    }

    private static Object pwd(StepCall call) throws Exception {
        return call.flag("tmp") ? call.workspace() + "@tmp" : call.directory().toString();
    }

    private static Object sleep(StepCall call) throws InterruptedException {
        TimeUnit unit = TimeUnit.valueOf(call.has("unit") ? call.text("unit") : "SECONDS");
        long milliseconds = unit.toMillis(((Number) call.get("time")).longValue());
        call.log("Sleeping for " + Durations.text(milliseconds));
        CountDownLatch stopped = new CountDownLatch(1);
        call.onStop(stopped::countDown);
        stopped.await(milliseconds, TimeUnit.MILLISECONDS);
        return null;
    }

    private static Object tool(StepCall call) throws AbortException {
        String home = home(call, call.text("type"), call.required("name"));
        if (home == null) {
            throw new AbortException("No tool named " + call.text("name") + " found");
        }
        return home;
    }

    private static String home(StepCall call, String type, String name) {
        if (type != null) {
            return call.build().job().server().toolHome(type, name);
        }
        return call.build().catalog().tools().keySet().stream()
                .map(known -> call.build().job().server().toolHome(known, name))
                .filter(found -> found != null).findFirst().orElse(null);
    }

    private static Object environmentOfTool(StepCall call) {
        String home = home(call, call.required("toolId"), call.required("toolVersion"));
        List<String> assignments = new ArrayList<>();
        if (home != null) {
            assignments.add("PATH+TOOL=" + home + "/bin");
        }
        return assignments;
    }
}
