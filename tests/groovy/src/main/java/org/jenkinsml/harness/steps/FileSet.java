package org.jenkinsml.harness.steps;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.jenkinsml.harness.AntPattern;

/** The files below a folder that match patterns of Ant, separated by commas. */
final class FileSet {

    private static final List<Pattern> DEFAULT_EXCLUDES = patterns("**/*~,**/#*#,**/.#*,**/%*%,**/CVS,**/CVS/**,"
            + "**/.cvsignore,**/.svn,**/.svn/**,**/.git,**/.git/**,**/.gitattributes,**/.gitignore,**/.gitmodules,"
            + "**/.hg,**/.hg/**,**/.bzr,**/.bzr/**,**/.DS_Store");

    private final Path folder;
    private final List<Pattern> includes;
    private final List<Pattern> excludes;
    private final List<Pattern> defaultExcludes;

    private FileSet(Path folder, List<Pattern> includes, List<Pattern> excludes, List<Pattern> defaultExcludes) {
        this.folder = folder;
        this.includes = includes;
        this.excludes = excludes;
        this.defaultExcludes = defaultExcludes;
    }

    static FileSet of(Path folder, String includes, String excludes) {
        return new FileSet(folder, patterns(includes), patterns(excludes), DEFAULT_EXCLUDES);
    }

    FileSet withDefaultExcludes(boolean use) {
        return new FileSet(folder, includes, excludes, use ? DEFAULT_EXCLUDES : List.of());
    }

    private static List<Pattern> patterns(String commaSeparated) {
        return commaSeparated == null ? List.of() : Arrays.stream(commaSeparated.split("[,\\s]+"))
                .filter(pattern -> !pattern.isEmpty()).map(pattern -> AntPattern.compile(pattern, true)).toList();
    }

    /** The paths of the files, relative to the folder. */
    List<String> files() throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (var paths = Files.walk(folder)) {
            return paths.filter(Files::isRegularFile).map(path -> folder.relativize(path).toString())
                    .filter(path -> any(includes, path) && !any(excludes, path) && !any(defaultExcludes, path))
                    .sorted().toList();
        }
    }

    private static boolean any(List<Pattern> patterns, String path) {
        return patterns.stream().anyMatch(pattern -> pattern.matcher(path).matches());
    }

    void copyTo(Path target) throws IOException {
        for (String path : files()) {
            Path copy = target.resolve(path);
            Files.createDirectories(copy.getParent());
            Files.copy(folder.resolve(path), copy, StandardCopyOption.REPLACE_EXISTING,
                    StandardCopyOption.COPY_ATTRIBUTES);
        }
    }
}
