package org.jenkinsml.harness;

import java.util.ArrayList;
import java.util.List;

/**
 * What the blocks around a step provide: node, directory, environment, stage and so on, each found by its type, the
 * innermost first. Entering a block makes a new context, leaving it goes back to the parent.
 */
public final class Context implements Live {

    private final Context parent;
    private final Object value;

    private Context(Context parent, Object value) {
        this.parent = parent;
        this.value = value;
    }

    static Context empty() {
        return new Context(null, null);
    }

    Context with(Object provided) {
        return new Context(this, provided);
    }

    Context parent() {
        return parent;
    }

    /** The innermost value of that type, or null. */
    public <T> T get(Class<T> type) {
        for (Context c = this; c != null; c = c.parent) {
            if (type.isInstance(c.value)) {
                return type.cast(c.value);
            }
        }
        return null;
    }

    /** All values of that type, the outermost first. */
    public <T> List<T> all(Class<T> type) {
        List<T> found = new ArrayList<>();
        for (Context c = this; c != null; c = c.parent) {
            if (type.isInstance(c.value)) {
                found.add(0, type.cast(c.value));
            }
        }
        return found;
    }

    /** Whether a block provided exactly this value. */
    boolean isWithin(Object provided) {
        for (Context c = this; c != null; c = c.parent) {
            if (c.value == provided) {
                return true;
            }
        }
        return false;
    }
}
