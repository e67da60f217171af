package org.jenkinsml.harness.steps;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Shows what a command writes while it runs, in whole lines. */
final class LogFollower {

    private static final int PAUSE_MILLISECONDS = 500;

    private final Path log;
    private final StepCall call;
    private long shown;

    LogFollower(Path log, StepCall call) {
        this.log = log;
        this.call = call;
    }

    int waitFor(Process process) throws InterruptedException, IOException {
        while (!process.waitFor(PAUSE_MILLISECONDS, TimeUnit.MILLISECONDS)) {
            show(false);
        }
        return process.exitValue();
    }

    void finish() throws IOException {
        show(true);
    }

    private void show(boolean all) throws IOException {
        byte[] content;
        try (RandomAccessFile file = new RandomAccessFile(log.toFile(), "r")) {
            content = new byte[(int) (file.length() - shown)];
            file.seek(shown);
            file.readFully(content);
        }
        int end = content.length;
        while (!all && end > 0 && content[end - 1] != '\n') {
            end--;
        }
        if (end > 0) {
            call.log(new String(content, 0, end, StandardCharsets.UTF_8).stripTrailing());
            shown += end;
        }
    }
}
