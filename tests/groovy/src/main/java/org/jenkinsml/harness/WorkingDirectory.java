package org.jenkinsml.harness;

import java.nio.file.Path;

/** Where steps on a node work: the workspace or what {@code dir} changed to. */
public record WorkingDirectory(Path path) {
}
