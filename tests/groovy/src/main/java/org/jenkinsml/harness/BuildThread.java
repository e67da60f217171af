package org.jenkinsml.harness;

/** Runs a build on a thread with a deep stack, and gives up on it when it does not react to anything. */
final class BuildThread {

    private static final long STACK_BYTES = 16L << 20;
    private static final int PATIENCE_SECONDS = 20;

    private BuildThread() {
    }

    static void run(Build build, String source) {
        Thread thread = new Thread(null, () -> build.run(source), "build " + build.job().name(), STACK_BYTES);
        thread.setDaemon(true);
        thread.start();
        try {
            thread.join((build.job().options().deadlineSeconds() + PATIENCE_SECONDS) * 1000L);
            if (thread.isAlive()) {
                build.giveUp();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
