package org.jenkinsml.harness;

import java.nio.file.Path;

/** The folder that a node, {@code ws} or {@code customWorkspace} gives to a build. */
public record Workspace(Path path) {
}
