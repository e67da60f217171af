package org.jenkinsml.harness.steps;

import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jenkinsml.harness.globals.Value;

/** A file as {@code findFiles} gives it. */
public final class FoundFile implements Serializable, Value {

    private static final long serialVersionUID = 1;

    private final String path;
    private final boolean directory;
    private final long length;
    private final long lastModified;

    private FoundFile(String path, boolean directory, long length, long lastModified) {
        this.path = path;
        this.directory = directory;
        this.length = length;
        this.lastModified = lastModified;
    }

    static FoundFile of(Path base, String path) throws IOException {
        Path file = base.resolve(path);
        return new FoundFile(path, Files.isDirectory(file), Files.size(file), Files.getLastModifiedTime(file).toMillis());
    }

    public String getName() {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    public String getPath() {
        return path;
    }

    public boolean isDirectory() {
        return directory;
    }

    public long getLength() {
        return length;
    }

    public long getLastModified() {
        return lastModified;
    }

    @Override
    public String toString() {
        return path;
    }
}
