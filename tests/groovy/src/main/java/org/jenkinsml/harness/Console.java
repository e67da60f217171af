package org.jenkinsml.harness;

import java.util.ArrayList;
import java.util.List;

/** The log of a build, with the values of secrets masked. */
public final class Console {

    private static final String POST_MARK = "post:";

    private final List<String> lines = new ArrayList<>();
    private final List<String> postLines = new ArrayList<>();

    /** Writes text of one or more lines, without the secrets of the context. */
    public void print(String text, Context context) {
        if (context != null) {
            context.all(TimeoutTimer.class).forEach(TimeoutTimer::active);
        }
        String shown = Secrets.mask(text, context);
        synchronized (lines) {
            shown.lines().forEach(lines::add);
        }
    }

    /** Writes what a script echoes: such lines that start with {@code post:} are reported on their own. */
    public void echo(String text, Context context) {
        print(text, context);
        Secrets.mask(text, context).lines().filter(line -> line.startsWith(POST_MARK)).forEach(postLines::add);
    }

    List<String> postLines() {
        return postLines;
    }

    String text() {
        synchronized (lines) {
            return String.join("\n", lines) + "\n";
        }
    }
}
