package org.jenkinsml.harness.steps;

import hudson.AbortException;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jenkinsml.harness.Processes;

/** Commands: {@code sh} really runs them. */
final class ShellSteps {

    /** Marks the processes of one step, to find them all when it is interrupted. */
    private static final String COOKIE = "JENKINS_SERVER_COOKIE";

    private ShellSteps() {
    }

    static void addTo(Map<String, Step> steps) {
        steps.put("sh", ShellSteps::sh);
        for (String windows : List.of("bat", "powershell")) {
            steps.put(windows, call -> {
                call.directory();
                throw new IOException((windows.equals("bat") ? "Batch" : "PowerShell")
                        + " scripts can only be run on Windows nodes");
            });
        }
    }

    private static Object sh(StepCall call) throws Exception {
        String script = call.required("script");
        Path directory = Files.createDirectories(call.directory());
        Path control = Files.createDirectories(call.build().home().resolve("durable").resolve(UUID.randomUUID().toString()));
        Path output = control.resolve("output");
        int status = run(call, script, directory, control, output);
        Charset charset = call.has("encoding") ? Charset.forName(call.text("encoding")) : StandardCharsets.UTF_8;
        String standardOutput = call.flag("returnStdout") ? new String(Files.readAllBytes(output), charset) : "";
        call.build().ran(call.context(), script, status);
        call.throwIfStopped();
        if (call.flag("returnStatus")) {
            return status;
        }
        if (status != 0) {
            throw new AbortException("script returned exit code " + status);
        }
        return call.flag("returnStdout") ? standardOutput : null;
    }

    private static int run(StepCall call, String script, Path directory, Path control, Path output) throws Exception {
        Path log = control.resolve("log");
        String cookie = UUID.randomUUID().toString();
        ProcessBuilder builder = new ProcessBuilder(command(script, control)).directory(directory.toFile());
        builder.environment().clear();
        builder.environment().putAll(call.environment());
        builder.environment().put(COOKIE, cookie);
        builder.environment().putIfAbsent("PWD", directory.toString());
        builder.redirectInput(Path.of("/dev/null").toFile());
        builder.redirectError(log.toFile());
        if (call.flag("returnStdout")) {
            builder.redirectOutput(output.toFile());
        } else {
            builder.redirectErrorStream(true);
            builder.redirectOutput(log.toFile());
        }
        Process process = builder.start();
        call.onStop(() -> {
            call.log("Sending interrupt signal to process");
            Processes.kill(COOKIE, cookie);
        });
        LogFollower follower = new LogFollower(log, call);
        int status = follower.waitFor(process);
        follower.finish();
        return status;
    }

    /** A script with a line {@code #!} runs as it says, any other by a shell that shows and checks each command. */
    private static List<String> command(String script, Path control) throws IOException {
        Path file = control.resolve("script.sh");
        Files.writeString(file, script);
        if (script.startsWith("#!")) {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
            return List.of(file.toString());
        }
        return List.of("sh", "-xe", file.toString());
    }
}
