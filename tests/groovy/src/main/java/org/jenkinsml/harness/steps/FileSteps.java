package org.jenkinsml.harness.steps;

import hudson.AbortException;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.jenkinsml.harness.Folders;

/** Files of the workspace. */
final class FileSteps {

    private static final String BASE64 = "Base64";

    private FileSteps() {
    }

    static void addTo(Map<String, Step> steps) {
        steps.put("readFile", call -> read(call.directory().resolve(call.required("file")), call.text("encoding")));
        steps.put("writeFile", FileSteps::write);
        steps.put("prependToFile", FileSteps::prepend);
        steps.put("fileExists", call -> Files.exists(call.directory().resolve(call.required("file"))));
        steps.put("deleteDir", FileSteps::deleteDirectory);
        steps.put("cleanWs", call -> {
            Folders.delete(call.workspace());
            Files.createDirectories(call.workspace());
            return null;
        });
        steps.put("findFiles", FileSteps::find);
        steps.put("touch", FileSteps::touch);
        steps.put("sha1", call -> digest(call, "SHA-1"));
        steps.put("sha256", call -> digest(call, "SHA-256"));
        steps.put("verifySha1", call -> verify(call, "SHA-1"));
        steps.put("verifySha256", call -> verify(call, "SHA-256"));
        steps.put("stash", FileSteps::stash);
        steps.put("unstash", FileSteps::unstash);
        steps.put("zip", FileSteps::zip);
        steps.put("unzip", FileSteps::unzip);
    }

    static String read(Path file, String encoding) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new NoSuchFileException(file.toString());
        }
        byte[] content = Files.readAllBytes(file);
        return BASE64.equals(encoding) ? Base64.getEncoder().encodeToString(content)
                : new String(content, encoding == null ? StandardCharsets.UTF_8 : Charset.forName(encoding));
    }

    private static Object write(StepCall call) throws Exception {
        Path file = call.directory().resolve(call.required("file"));
        Files.createDirectories(file.getParent());
        String text = call.required("text");
        String encoding = call.text("encoding");
        Files.write(file, BASE64.equals(encoding) ? Base64.getDecoder().decode(text)
                : text.getBytes(encoding == null ? StandardCharsets.UTF_8 : Charset.forName(encoding)));
        return null;
    }

    private static Object prepend(StepCall call) throws Exception {
        Path file = call.directory().resolve(call.required("file"));
        String old = Files.exists(file) ? Files.readString(file) : "";
        Files.writeString(file, call.required("content") + old);
        return null;
    }

    private static Object deleteDirectory(StepCall call) throws Exception {
        Folders.delete(call.directory());
        return null;
    }

    private static Object find(StepCall call) throws Exception {
        List<Object> found = new ArrayList<>();
        for (String path : FileSet.of(call.directory(), call.has("glob") ? call.text("glob") : "*",
                call.text("excludes")).files()) {
            found.add(FoundFile.of(call.directory(), path));
        }
        return found.toArray(new FoundFile[0]);
    }

    private static Object touch(StepCall call) throws Exception {
        Path file = call.directory().resolve(call.required("file"));
        Files.createDirectories(file.getParent());
        if (!Files.exists(file)) {
            Files.createFile(file);
        }
        long time = call.get("timestamp") instanceof Number given ? given.longValue() : System.currentTimeMillis();
        Files.setLastModifiedTime(file, FileTime.fromMillis(time));
        return FoundFile.of(call.directory(), call.text("file"));
    }

    private static String digest(StepCall call, String algorithm) throws Exception {
        Path file = call.directory().resolve(call.required("file"));
        if (!Files.exists(file)) {
            return null;
        }
        return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(Files.readAllBytes(file)));
    }

    private static Object verify(StepCall call, String algorithm) throws Exception {
        String actual = digest(call, algorithm);
        if (!call.required("hash").equalsIgnoreCase(actual)) {
            throw new AbortException(algorithm + " hash mismatch: expected='" + call.text("hash") + "', actual='"
                    + actual + "'");
        }
        return null;
    }

    private static Object stash(StepCall call) throws Exception {
        String name = call.required("name");
        Path source = call.directory();
        Path target = stashFolder(call, name);
        Folders.delete(target);
        Files.createDirectories(target);
        FileSet files = FileSet.of(source, call.has("includes") ? call.text("includes") : "**", call.text("excludes"))
                .withDefaultExcludes(!Boolean.FALSE.equals(call.get("useDefaultExcludes")));
        List<String> paths = files.files();
        if (paths.isEmpty() && !call.flag("allowEmpty")) {
            throw new AbortException("No files included in stash ‘" + name + "’");
        }
        files.copyTo(target);
        call.log("Stashed " + paths.size() + " file(s)");
        return null;
    }

    private static Object unstash(StepCall call) throws Exception {
        Path stash = stashFolder(call, call.required("name"));
        Path target = call.directory();
        if (!Files.isDirectory(stash)) {
            throw new AbortException("No such saved stash ‘" + call.text("name") + "’");
        }
        Files.createDirectories(target);
        Folders.copy(stash, target);
        return null;
    }

    private static Path stashFolder(StepCall call, String name) {
        if (!name.matches("[\\w .-]+")) {
            throw new IllegalArgumentException("‘" + name + "’ is an unsafe name");
        }
        return call.build().home().resolve("stashes").resolve(name);
    }

    private static Object zip(StepCall call) throws Exception {
        Path archive = call.directory().resolve(call.required("zipFile"));
        Path base = call.has("dir") ? call.directory().resolve(call.text("dir")) : call.directory();
        if (Files.exists(archive) && !call.flag("overwrite")) {
            throw new AbortException(call.text("zipFile") + " exists.");
        }
        List<String> paths = FileSet.of(base, call.has("glob") ? call.text("glob") : "**", call.text("exclude")).files();
        try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(archive))) {
            for (String path : paths) {
                if (!base.resolve(path).equals(archive)) {
                    out.putNextEntry(new ZipEntry(path));
                    Files.copy(base.resolve(path), out);
                }
            }
        }
        call.log("Zipped " + paths.size() + " entries.");
        return null;
    }

    private static Object unzip(StepCall call) throws Exception {
        Path archive = call.directory().resolve(call.required("zipFile"));
        Path target = call.has("dir") ? call.directory().resolve(call.text("dir")) : call.directory();
        if (!Files.exists(archive)) {
            throw new AbortException(archive + " does not exist.");
        }
        try (ZipInputStream in = new ZipInputStream(Files.newInputStream(archive))) {
            for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                Path file = target.resolve(entry.getName()).normalize();
                if (!file.startsWith(target)) {
                    throw new IOException(entry.getName() + " lies outside of the target");
                }
                Files.createDirectories(entry.isDirectory() ? file : file.getParent());
                if (!entry.isDirectory()) {
                    Files.write(file, in.readAllBytes());
                }
            }
        }
        return null;
    }
}
