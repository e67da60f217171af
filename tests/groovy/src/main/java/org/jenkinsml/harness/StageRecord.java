package org.jenkinsml.harness;

import hudson.model.Result;
import java.util.LinkedHashMap;
import java.util.Map;

/** A stage that was entered, and how it went by the rules of the stage view. */
public final class StageRecord implements Live {

    private final String name;
    private Result worst;
    private boolean notExecuted;
    private boolean parent;

    StageRecord(String name) {
        this.name = name;
    }

    public String name() {
        return name;
    }

    /** A stage that holds others shows only what it did before the first of them. */
    void contains(StageRecord inner) {
        parent = inner != this;
    }

    /** Something in the stage was not as it should be, though it may go on. */
    public void mark(Result result) {
        if (result != null && !parent) {
            worst = Result.worst(worst, result);
        }
    }

    void failed(Throwable cause) {
        mark(Exceptions.result(cause));
    }

    void skipped() {
        notExecuted = true;
    }

    /** What the stage itself says of the result of the build, or null. */
    public Result result() {
        return worst;
    }

    Map<String, String> report() {
        Map<String, String> report = new LinkedHashMap<>();
        report.put("name", name);
        report.put("status", status());
        return report;
    }

    private String status() {
        if (notExecuted) {
            return "NOT_EXECUTED";
        }
        if (worst == null) {
            return "SUCCESS";
        }
        return switch (worst) {
            case FAILURE -> "FAILED";
            case NOT_BUILT -> "NOT_EXECUTED";
            default -> worst.name();
        };
    }
}
