package org.jenkinsml.harness;

import hudson.model.Result;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What one Jenkinsfile's builds have in common, and what one leaves for the next. */
public final class Job {

    private final String name;
    private final Server server;
    private final CommandLine options;
    private final List<Build> builds = new ArrayList<>();
    private final Map<String, Integer> otherBuilds = new HashMap<>();
    private Map<String, Parameters.Definition> parameters;

    Job(String name, Server server, CommandLine options) {
        this.name = name;
        this.server = server;
        this.options = options;
    }

    public String name() {
        return name;
    }

    /** The name with its folders. */
    public String fullName() {
        return server.jobFolder().isEmpty() ? name : server.jobFolder() + "/" + name;
    }

    public Server server() {
        return server;
    }

    public CommandLine options() {
        return options;
    }

    /** The parameters that the last build declared; null before the first has run. */
    Map<String, Parameters.Definition> parameters() {
        return parameters;
    }

    /** The {@code parameters} of the Jenkinsfile or of {@code properties} become those of the job. */
    void declare(Map<String, Parameters.Definition> definitions) {
        parameters = new LinkedHashMap<>(definitions);
    }

    int nextNumber() {
        return builds.size() + 1 + (options.previousResult() == null ? 0 : 1);
    }

    void add(Build build) {
        builds.add(build);
        if (parameters == null) {
            parameters = Map.of();
        }
    }

    /** The number of the next build of another job. */
    int nextNumberOf(String otherJob) {
        return otherBuilds.merge(otherJob, 1, Integer::sum);
    }

    /** The result of the build before the one that runs, or null. */
    public Result previousResult() {
        if (!builds.isEmpty()) {
            return builds.get(builds.size() - 1).result();
        }
        return options.previousResult() == null ? null : Result.fromString(options.previousResult());
    }
}
