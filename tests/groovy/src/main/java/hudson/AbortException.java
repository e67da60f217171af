package hudson;

import java.io.IOException;

/** A failure that needs no stack trace; under the name that Jenkinsfiles catch it by. */
public class AbortException extends IOException {

    private static final long serialVersionUID = 1;

    public AbortException() {
    }

    public AbortException(String message) {
        super(message);
    }
}
