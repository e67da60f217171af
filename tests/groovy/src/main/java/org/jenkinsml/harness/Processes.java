package org.jenkinsml.harness;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Finds processes by their environment, as the server's process killer does. */
public final class Processes {

    /** The variable that tells which {@code node} block a process belongs to. */
    public static final String COOKIE = "JENKINS_NODE_COOKIE";

    private Processes() {
    }

    /** Asks all processes with that variable to end, and makes them when they don't within a moment. */
    public static void kill(String variable, String value) {
        List<ProcessHandle> found = find(variable, value);
        found.forEach(ProcessHandle::destroy);
        for (int i = 0; i < 20 && found.stream().anyMatch(ProcessHandle::isAlive); i++) {
            try {
                Thread.sleep(25);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        found.stream().filter(ProcessHandle::isAlive).forEach(ProcessHandle::destroyForcibly);
    }

    private static List<ProcessHandle> find(String variable, String value) {
        String wanted = variable + "=" + value;
        return ProcessHandle.allProcesses().filter(process -> has(process, wanted)).toList();
    }

    private static boolean has(ProcessHandle process, String variable) {
        try {
            String environment = new String(Files.readAllBytes(Path.of("/proc", String.valueOf(process.pid()), "environ")),
                    StandardCharsets.UTF_8);
            return List.of(environment.split("\0")).contains(variable);
        } catch (IOException e) { // it has ended or belongs to someone else
            return false;
        }
    }
}
