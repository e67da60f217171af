package org.jenkinsml.harness;

import hudson.model.Result;

/** When the conditions of a post section hold. */
final class PostConditions {

    private PostConditions() {
    }

    /** {@code previous} is the result of the build before, null when there is none. */
    static boolean holds(String condition, Result result, Result previous) {
        return switch (condition) {
            case "always", "cleanup" -> true;
            case "changed" -> previous == null || previous != result;
            case "fixed" -> previous != null && result == Result.SUCCESS && previous.isWorseThan(Result.SUCCESS);
            case "regression" -> previous != null && isBad(result) && previous.isBetterThan(result);
            case "aborted" -> result == Result.ABORTED;
            case "success" -> result == Result.SUCCESS;
            case "unsuccessful" -> result != Result.SUCCESS;
            case "unstable" -> result == Result.UNSTABLE;
            case "failure" -> result == Result.FAILURE;
            case "notBuilt" -> result == Result.NOT_BUILT;
            default -> throw new IllegalArgumentException("No such post condition: " + condition);
        };
    }

    private static boolean isBad(Result result) {
        return result == Result.FAILURE || result == Result.UNSTABLE || result == Result.ABORTED;
    }
}
