package org.jenkinsml.harness.steps;

import hudson.AbortException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jenkinsml.harness.Described;
import org.jenkinsml.harness.Folders;
import org.jenkinsml.harness.Json;

/** Source code: {@code checkout scm} copies the folder of {@code --scm}, git is asked for everything else. */
final class ScmSteps {

    private ScmSteps() {
    }

    static void addTo(Map<String, Step> steps) {
        steps.put("checkout", ScmSteps::checkout);
        steps.put("git", call -> clone(call, call.required("url"), call.has("branch") ? call.text("branch") : "master"));
    }

    private static Object checkout(StepCall call) throws Exception {
        Object scm = call.get("scm");
        if (scm instanceof Described described && described.symbol().equals("scm")) {
            return copy(call);
        }
        Map<String, Object> git = scm instanceof Described described ? described.arguments() : Json.asObject(scm);
        Map<String, Object> remote = settings(git.get("userRemoteConfigs"));
        Map<String, Object> branch = settings(git.get("branches"));
        return clone(call, String.valueOf(remote.get("url")), String.valueOf(branch.getOrDefault("name", "master")));
    }

    private static Map<String, Object> settings(Object list) {
        Object first = Json.asList(list).stream().findFirst().orElse(Map.of());
        return first instanceof Described described ? described.arguments() : Json.asObject(first);
    }

    private static Object copy(StepCall call) throws Exception {
        Path source = call.build().job().options().scm();
        Path target = Files.createDirectories(call.directory());
        Folders.copy(source, target);
        Map<String, String> variables = new LinkedHashMap<>();
        if (Files.exists(target.resolve(".git"))) {
            variables.put("GIT_COMMIT", git(call, target, "rev-parse", "HEAD").strip());
            variables.put("GIT_URL", source.toString());
        }
        String branch = call.environment().get("BRANCH_NAME");
        if (branch != null) {
            variables.put("GIT_BRANCH", branch);
        }
        return variables;
    }

    private static Object clone(StepCall call, String url, String branch) throws Exception {
        Path target = Files.createDirectories(call.directory());
        git(call, target, "init", "--quiet");
        String name = branch.replaceFirst("^(\\*|origin)/", "");
        git(call, target, "fetch", "--quiet", "--tags", "--", url, "+refs/heads/*:refs/remotes/origin/*");
        String commit = git(call, target, "rev-parse", "origin/" + name).strip();
        git(call, target, "checkout", "--quiet", "--force", commit);
        Map<String, String> variables = new LinkedHashMap<>();
        variables.put("GIT_BRANCH", "origin/" + name);
        variables.put("GIT_COMMIT", commit);
        variables.put("GIT_URL", url);
        return variables;
    }

    private static String git(StepCall call, Path directory, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of("git"));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true);
        builder.environment().clear();
        builder.environment().putAll(call.environment());
        builder.environment().put("GIT_TERMINAL_PROMPT", "0");
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            call.log(output.stripTrailing());
            throw new AbortException("Command \"" + String.join(" ", command) + "\" returned status code "
                    + process.exitValue());
        }
        return output;
    }
}
