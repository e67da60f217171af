package org.jenkinsml.harness.steps;

import java.io.Serializable;
import org.jenkinsml.harness.globals.Value;

/** What {@code junit} tells a script. */
public final class TestResults implements Serializable, Value {

    private static final long serialVersionUID = 1;

    private final int total;
    private final int failed;
    private final int skipped;

    TestResults(int total, int failed, int skipped) {
        this.total = total;
        this.failed = failed;
        this.skipped = skipped;
    }

    TestResults plus(TestResults other) {
        return new TestResults(total + other.total, failed + other.failed, skipped + other.skipped);
    }

    public int getTotalCount() {
        return total;
    }

    public int getFailCount() {
        return failed;
    }

    public int getSkipCount() {
        return skipped;
    }

    public int getPassCount() {
        return total - failed - skipped;
    }
}
