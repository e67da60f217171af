package org.jenkinsml.harness;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What {@code run} was asked for: see README.md for the options. */
public final class CommandLine {

    /** A mistake in the arguments. */
    static final class UsageException extends RuntimeException {
        private static final long serialVersionUID = 1;

        UsageException(String message) {
            super(message);
        }
    }

    private final List<Path> files = new ArrayList<>();
    private final Set<String> plugins = new LinkedHashSet<>();
    private final Map<String, String> environment = new LinkedHashMap<>();
    private final List<Map<String, Object>> parameters = new ArrayList<>();
    private final List<String> answers = new ArrayList<>();
    private String server;
    private Path library;
    private Path workspace;
    private Path scm;
    private Path consoles;
    private String agents;
    private String branch;
    private String tag;
    private final Map<String, Object> change = new LinkedHashMap<>();
    private final List<String> changedFiles = new ArrayList<>();
    private String message;
    private String previousResult;
    private int builds = 1;
    private int jobs = 4;
    private int deadlineSeconds = 60;
    private boolean agentFallback;
    private boolean validateOnly;

    static CommandLine parse(String[] arguments) {
        CommandLine line = new CommandLine();
        for (int i = 0; i < arguments.length; i++) {
            String argument = arguments[i];
            if (!argument.startsWith("--")) {
                line.files.add(Path.of(argument));
            } else if (!line.flag(argument)) {
                if (++i == arguments.length) {
                    throw new UsageException(argument + " needs a value");
                }
                line.option(argument, arguments[i]);
            }
        }
        if (line.files.isEmpty()) {
            throw new UsageException("no Jenkinsfile given");
        }
        return line;
    }

    private boolean flag(String name) {
        switch (name) {
            case "--json" -> { } // the only format there is; named so that a caller says what it expects
            case "--agent-fallback" -> agentFallback = true;
            case "--validate-only" -> validateOnly = true;
            default -> {
                return false;
            }
        }
        return true;
    }

    private void option(String name, String value) {
        switch (name) {
            case "--library" -> library = Path.of(value).toAbsolutePath();
            case "--plugins" -> plugins.addAll(List.of(value.split(",")));
            case "--server" -> server = value;
            case "--workspace" -> workspace = Path.of(value).toAbsolutePath();
            case "--scm" -> scm = Path.of(value).toAbsolutePath();
            case "--console-dir" -> consoles = Path.of(value).toAbsolutePath();
            case "--agents" -> agents = value;
            case "--branch" -> branch = value;
            case "--tag" -> tag = value;
            case "--change" -> change.putAll(Json.object(value));
            case "--changed" -> changedFiles.add(value);
            case "--message" -> message = value;
            case "--previous" -> previousResult = value;
            case "--params" -> parameters.add(Json.object(value));
            case "--input" -> answers.add(value);
            case "--builds" -> builds = Integer.parseInt(value);
            case "--jobs" -> jobs = Integer.parseInt(value);
            case "--deadline" -> deadlineSeconds = Integer.parseInt(value);
            case "--env" -> variable(value);
            default -> throw new UsageException("unknown option " + name);
        }
    }

    private void variable(String assignment) {
        int equals = assignment.indexOf('=');
        if (equals < 1) {
            throw new UsageException("--env wants NAME=VALUE, not " + assignment);
        }
        environment.put(assignment.substring(0, equals), assignment.substring(equals + 1));
    }

    List<Path> files() {
        return files;
    }

    Set<String> plugins() {
        return plugins;
    }

    /** Variables of the nodes' environment besides those of this process. */
    Map<String, String> environment() {
        return environment;
    }

    /** The parameters that the n-th build (from 0) is started with. */
    Map<String, Object> parameters(int build) {
        return build < parameters.size() ? parameters.get(build) : Map.of();
    }

    /** What the n-th {@code input} of a build gets: approve, abort or none, and after it values as JSON. */
    public String answer(int input) {
        return answers.isEmpty() ? "none" : answers.get(Math.min(input, answers.size() - 1));
    }

    String server() {
        return server;
    }

    Path library() {
        return library;
    }

    Path workspace() {
        return workspace;
    }

    public Path scm() {
        return scm;
    }

    Path consoles() {
        return consoles;
    }

    String agents() {
        return agents;
    }

    String branch() {
        return branch;
    }

    String tag() {
        return tag;
    }

    /** The change request (id, target, branch, title, author ..) that is built; empty when none is. */
    Map<String, Object> change() {
        return change;
    }

    /** The files that changed since the last build. */
    List<String> changedFiles() {
        return changedFiles;
    }

    /** The message of the commit that was made since the last build, or null. */
    String message() {
        return message;
    }

    String previousResult() {
        return previousResult;
    }

    int builds() {
        return Math.max(builds, parameters.size());
    }

    int jobs() {
        return jobs;
    }

    int deadlineSeconds() {
        return deadlineSeconds;
    }

    boolean agentFallback() {
        return agentFallback;
    }

    boolean validateOnly() {
        return validateOnly;
    }
}
