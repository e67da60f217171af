package org.jenkinsml.harness.steps;

import hudson.AbortException;
import hudson.model.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

/** What a build keeps and reports: artifacts and test results. */
final class ReportSteps {

    private ReportSteps() {
    }

    static void addTo(Map<String, Step> steps) {
        steps.put("archiveArtifacts", ReportSteps::archive);
        steps.put("archive", ReportSteps::archive);
        steps.put("copyArtifacts", ReportSteps::copyArtifacts);
        steps.put("fingerprint", call -> {
            call.directory();
            call.log("Recording fingerprints");
            return null;
        });
        steps.put("junit", ReportSteps::junit);
    }

    private static Object archive(StepCall call) throws Exception {
        String pattern = call.has("artifacts") ? call.text("artifacts") : call.required("includes");
        call.log("Archiving artifacts");
        FileSet files = FileSet.of(call.directory(), pattern, call.text("excludes"))
                .withDefaultExcludes(!Boolean.FALSE.equals(call.get("defaultExcludes")));
        if (files.files().isEmpty()) {
            String message = "No artifacts found that match the file pattern \"" + pattern + "\". Configuration error?";
            if (call.name().equals("archive") || call.flag("allowEmptyArchive")) {
                call.log(message);
                return null;
            }
            throw new AbortException(message);
        }
        synchronized (call.build()) { // branches that run side by side may archive a file of the same name
            files.copyTo(artifacts(call));
        }
        if (call.flag("fingerprint")) {
            call.log("Recording fingerprints");
        }
        return null;
    }

    /** The artifacts of the build itself are all that there is to copy from. */
    private static Object copyArtifacts(StepCall call) throws Exception {
        Path target = call.has("target") ? call.directory().resolve(call.text("target")) : call.directory();
        FileSet files = FileSet.of(artifacts(call), call.has("filter") ? call.text("filter") : "**", call.text("excludes"));
        if (files.files().isEmpty() && !call.flag("optional")) {
            throw new AbortException("Unable to find a build for artifact copy from: " + call.required("projectName"));
        }
        files.copyTo(target);
        return null;
    }

    private static Path artifacts(StepCall call) {
        return call.build().home().resolve("artifacts");
    }

    private static Object junit(StepCall call) throws Exception {
        call.log("Recording test results");
        Path directory = call.directory();
        List<String> reports = FileSet.of(directory, call.required("testResults"), null).files();
        if (reports.isEmpty()) {
            String message = "No test report files were found. Configuration error?";
            call.log(message);
            if (call.flag("allowEmptyResults")) {
                return new TestResults(0, 0, 0);
            }
            throw new AbortException(message);
        }
        TestResults all = new TestResults(0, 0, 0);
        for (String report : reports) {
            all = all.plus(read(directory.resolve(report)));
        }
        call.log("[Checks API] No suitable checks publisher found.");
        if (all.getTotalCount() == 0 && !call.flag("allowEmptyResults")) {
            throw new AbortException("None of the test reports contained any result");
        }
        if (all.getFailCount() > 0) { // the stage shows it in any case
            BasicSteps.warn(call, call.flag("skipMarkingBuildUnstable") ? null : Result.UNSTABLE, Result.UNSTABLE);
        }
        return all;
    }

    /** A report that cannot be read counts as one failed test. */
    private static TestResults read(Path report) throws Exception {
        Document document;
        try {
            DocumentBuilder builder = DocumentBuilderFactory.newInstance().newDocumentBuilder();
            builder.setErrorHandler(null);
            document = builder.parse(Files.newInputStream(report));
        } catch (SAXException e) {
            return new TestResults(1, 1, 0);
        }
        NodeList cases = document.getElementsByTagName("testcase");
        int failed = 0;
        int skipped = 0;
        for (int i = 0; i < cases.getLength(); i++) {
            Element test = (Element) cases.item(i);
            if (has(test, "failure") || has(test, "error")) {
                failed++;
            } else if (has(test, "skipped")) {
                skipped++;
            }
        }
        return new TestResults(cases.getLength(), failed, skipped);
    }

    private static boolean has(Element test, String child) {
        return test.getElementsByTagName(child).getLength() > 0;
    }
}
