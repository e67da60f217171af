package org.jenkinsml.harness;

/** Time spans as the server writes them. */
public final class Durations {

    private Durations() {
    }

    public static String text(long milliseconds) {
        if (milliseconds < 1000) {
            return milliseconds + " ms";
        }
        long seconds = milliseconds / 1000;
        if (seconds < 60) {
            return seconds + " sec";
        }
        return seconds < 3600 ? seconds / 60 + " min " + seconds % 60 + " sec"
                : seconds / 3600 + " hr " + seconds % 3600 / 60 + " min";
    }
}
