package org.jenkinsml.harness;

import hudson.model.Result;

/** A post section: within it the result of the build counts what the section's stage and its error say. */
final class PostScope implements Live {

    private final StageRecord stage;
    private Throwable error;

    PostScope(StageRecord stage, Throwable error) {
        this.stage = stage;
        this.error = error;
    }

    /** A condition of the section failed. */
    void add(Throwable failure) {
        if (error == null) {
            error = failure;
        }
    }

    Result combinedWith(Result result) {
        Result worst = Result.worst(Result.SUCCESS, result);
        if (stage != null) {
            worst = Result.worst(worst, stage.result());
        }
        return error == null ? worst : Result.worst(worst, Exceptions.result(error));
    }
}
