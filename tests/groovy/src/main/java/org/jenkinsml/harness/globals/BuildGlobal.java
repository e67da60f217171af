package org.jenkinsml.harness.globals;

import groovy.lang.GroovyObjectSupport;
import hudson.AbortException;
import hudson.model.Result;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jenkinsml.harness.Build;
import org.jenkinsml.harness.Context;

/** The variable {@code currentBuild}. */
public final class BuildGlobal extends GroovyObjectSupport implements Global {

    private final Build build;
    private final Supplier<Context> context;
    private String displayName;
    private String description;
    private boolean keepLog;

    public BuildGlobal(Build build, Supplier<Context> context) {
        this.build = build;
        this.context = context;
        this.displayName = "#" + build.number();
    }

    public String getResult() {
        Result result = build.result(context.get());
        return result == null ? null : result.name();
    }

    public void setResult(String result) {
        build.worsen(Result.fromString(result));
    }

    public String getCurrentResult() {
        String result = getResult();
        return result == null ? Result.SUCCESS.name() : result;
    }

    public boolean resultIsBetterOrEqualTo(String other) {
        return Result.fromString(getCurrentResult()).isBetterOrEqualTo(Result.fromString(other));
    }

    public boolean resultIsWorseOrEqualTo(String other) {
        return Result.fromString(getCurrentResult()).isWorseOrEqualTo(Result.fromString(other));
    }

    public int getNumber() {
        return build.number();
    }

    public String getId() {
        return String.valueOf(build.number());
    }

    public String getDisplayName() {
        return displayName;
    }

    public void setDisplayName(String name) {
        displayName = name;
    }

    public String getFullDisplayName() {
        return getFullProjectName().replace("/", " » ") + " " + displayName;
    }

    public String getDescription() {
        return description;
    }

    public void setDescription(String text) {
        description = text;
    }

    public String getProjectName() {
        return build.job().name();
    }

    public String getFullProjectName() {
        return build.job().fullName();
    }

    public boolean isKeepLog() {
        return keepLog;
    }

    public void setKeepLog(boolean keep) {
        keepLog = keep;
    }

    public String getAbsoluteUrl() throws AbortException {
        throw new AbortException("could not find root URL of the server");
    }

    public long getStartTimeInMillis() {
        return build.startTime();
    }

    public long getTimeInMillis() {
        return build.startTime();
    }

    public long getDuration() {
        return System.currentTimeMillis() - build.startTime();
    }

    public String getDurationString() {
        return getDuration() / 1000.0 + " sec and counting";
    }

    public List<Object> getChangeSets() {
        return List.of();
    }

    public List<Object> getUpstreamBuilds() {
        return List.of();
    }

    /** The causes of the build; {@code type} restricts them by the class of the cause. */
    public List<Map<String, Object>> getBuildCauses(String type) {
        return getBuildCauses().stream().filter(cause -> cause.get("_class").equals(type)).toList();
    }

    public List<Map<String, Object>> getBuildCauses() {
        Map<String, Object> cause = new LinkedHashMap<>();
        cause.put("_class", "hudson.model.Cause$UserIdCause");
        cause.put("shortDescription", "Started by user " + build.job().server().user());
        cause.put("userId", build.job().server().user());
        cause.put("userName", build.job().server().user());
        return List.of(cause);
    }

    public Map<String, String> getBuildVariables() {
        return build.environment(context.get());
    }

    /** What is known of the build before this one, or null. */
    public Map<String, Object> getPreviousBuild() {
        Result previous = build.job().previousResult();
        if (previous == null) {
            return null;
        }
        Map<String, Object> known = new LinkedHashMap<>();
        known.put("result", previous.name());
        known.put("currentResult", previous.name());
        known.put("number", build.number() - 1);
        known.put("displayName", "#" + (build.number() - 1));
        return known;
    }

    /** The build inside the server, which the sandbox keeps scripts from. */
    public Object getRawBuild() {
        throw new UnsupportedOperationException();
    }
}
