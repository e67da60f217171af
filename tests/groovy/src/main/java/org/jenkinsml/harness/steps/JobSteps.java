package org.jenkinsml.harness.steps;

import static org.jenkinsml.harness.steps.Step.synchronous;

import hudson.AbortException;
import hudson.model.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException;
import org.jenkinsml.harness.Described;
import org.jenkinsml.harness.Json;
import org.jenkinsml.harness.Server;

/** The job, other jobs, libraries and people. */
final class JobSteps {

    private static final String MILESTONE = "milestone";

    private JobSteps() {
    }

    static void addTo(Map<String, Step> steps) {
        steps.put("build", JobSteps::build);
        steps.put("input", InputStep::run);
        steps.put(MILESTONE, synchronous(JobSteps::milestone));
        steps.put("properties", synchronous(JobSteps::properties));
        steps.put("library", synchronous(JobSteps::library));
        steps.put("libraryResource", synchronous(JobSteps::libraryResource));
        steps.put("readTrusted", JobSteps::readTrusted);
        steps.put("nodesByLabel", synchronous(call -> call.build().nodeNames(call.required("label"))));
    }

    private static Object build(StepCall call) throws Exception {
        String path = call.required("job");
        Server.OtherJob job = call.build().job().server().job(path);
        if (job == null) {
            throw new AbortException("No item named " + path + " found");
        }
        String folder = call.build().job().server().jobFolder();
        String shown = folder.isEmpty() ? job.name() : folder + " » " + job.name();
        call.log("Scheduling project: " + shown);
        Map<String, String> variables = variables(call, job);
        if (Boolean.FALSE.equals(call.get("wait")) && !call.flag("waitForStart")) {
            return null;
        }
        int number = call.build().nextNumberOf(job.name());
        call.log("Starting building: " + shown + " #" + number);
        String fullName = folder.isEmpty() ? job.name() : folder + "/" + job.name();
        OtherBuild other = new OtherBuild(fullName, number, job.result(), variables);
        if (call.flag("waitForStart")) {
            return other;
        }
        String end = shown + " #" + number + " completed";
        call.log("Build " + end + ": " + job.result());
        Result result = Result.fromString(job.result());
        if (result != Result.SUCCESS && !Boolean.FALSE.equals(call.get("propagate"))) {
            throw new FlowInterruptedException(result, false,
                    end + " with status " + result + " (propagate: false to ignore)");
        }
        return other;
    }

    /** The other job's parameters: its defaults, and what is given of those that it declares. */
    private static Map<String, String> variables(StepCall call, Server.OtherJob job) {
        Map<String, String> variables = new LinkedHashMap<>();
        job.parameters().forEach((name, value) -> variables.put(name, String.valueOf(value)));
        for (Object item : Json.asList(call.get("parameters"))) {
            if (item instanceof Described parameter && variables.containsKey(parameter.text("name"))) {
                variables.put(parameter.text("name"), parameter.text("value"));
            }
        }
        return variables;
    }

    private static Object milestone(StepCall call) throws AbortException {
        Integer ordinal = (Integer) call.get("ordinal");
        Integer last = (Integer) call.build().notes().get(MILESTONE);
        if (ordinal != null && last != null && ordinal <= last) {
            throw new AbortException("Invalid ordinal " + ordinal + ", as the previous one was " + last);
        }
        call.build().notes().put(MILESTONE, ordinal != null ? ordinal : last == null ? 1 : last + 1);
        return null;
    }

    private static Object properties(StepCall call) {
        for (Object property : Json.asList(call.get("properties"))) {
            if (property instanceof Described described && described.symbol().equals("parameters")) {
                call.build().declareParameters((List<?>) described.arguments().get("parameterDefinitions"));
            }
        }
        return null;
    }

    private static Object library(StepCall call) throws AbortException {
        call.build().loadLibrary(call.required("identifier"));
        return null;
    }

    private static Object libraryResource(StepCall call) throws Exception {
        return call.build().libraryResource(call.required("resource"));
    }

    private static Object readTrusted(StepCall call) throws Exception {
        Path scm = call.build().job().options().scm();
        if (scm == null || !Files.exists(scm.resolve(call.required("path")))) {
            throw new AbortException("Unable to find " + call.required("path"));
        }
        return Files.readString(scm.resolve(call.text("path")));
    }
}
