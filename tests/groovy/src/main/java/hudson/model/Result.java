package hudson.model;

/** The result of a build, best first; under the name that Jenkinsfiles know it by. */
public enum Result {
    SUCCESS, UNSTABLE, FAILURE, NOT_BUILT, ABORTED;

    /** Anything that is no result counts as a failure, as on the server. */
    public static Result fromString(String name) {
        for (Result result : values()) {
            if (result.name().equalsIgnoreCase(name)) {
                return result;
            }
        }
        return FAILURE;
    }

    public boolean isWorseThan(Result other) {
        return ordinal() > other.ordinal();
    }

    public boolean isBetterThan(Result other) {
        return ordinal() < other.ordinal();
    }

    public boolean isWorseOrEqualTo(Result other) {
        return !isBetterThan(other);
    }

    public boolean isBetterOrEqualTo(Result other) {
        return !isWorseThan(other);
    }

    /** The worse of the two; null stands for no result yet. */
    public static Result worst(Result a, Result b) {
        return a == null || b != null && b.isWorseThan(a) ? b : a;
    }
}
