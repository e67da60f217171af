package org.jenkinsml.harness;

import groovy.lang.Script;
import hudson.AbortException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.codehaus.groovy.ast.ASTNode;
import org.codehaus.groovy.ast.AnnotatedNode;
import org.codehaus.groovy.ast.AnnotationNode;
import org.codehaus.groovy.ast.ClassCodeVisitorSupport;
import org.codehaus.groovy.ast.ClassNode;
import org.codehaus.groovy.ast.expr.ConstantExpression;
import org.codehaus.groovy.ast.expr.Expression;
import org.codehaus.groovy.ast.expr.ListExpression;
import org.codehaus.groovy.classgen.GeneratorContext;
import org.codehaus.groovy.control.CompilePhase;
import org.codehaus.groovy.control.SourceUnit;
import org.codehaus.groovy.control.customizers.CompilationCustomizer;

/** The shared libraries that a build has loaded: their steps (vars), classes (src) and files (resources). */
final class Libraries {

    private final Build build;
    private final Map<String, Path> loaded = new LinkedHashMap<>();
    private final Map<String, Path> variables = new TreeMap<>();
    private final Map<String, Script> instances = new LinkedHashMap<>();

    Libraries(Build build) {
        this.build = build;
    }

    /** Loads a library by {@code name} or {@code name@version}; the version is not looked at. */
    void load(String identifier) throws AbortException {
        String name = identifier.split("@", 2)[0];
        Path folder = build.job().server().library(name);
        if (folder == null || !Files.isDirectory(folder)) {
            throw new AbortException("Could not find any definition of libraries [" + identifier + "]");
        }
        if (loaded.put(name, folder) != null) {
            return;
        }
        build.console().print("Loading library " + identifier, null);
        build.loader().addClasses(folder.resolve("src"));
        try (var files = Files.newDirectoryStream(folder.resolve("vars"), "*.groovy")) {
            files.forEach(file -> variables.put(file.getFileName().toString().replaceFirst("\\.groovy$", ""), file));
        } catch (NoSuchFileException e) { // a library may have classes only
            return;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    boolean has(String variable) {
        return variables.containsKey(variable);
    }

    /** The one instance of a global variable of a library. */
    Script variable(String name) {
        Script known = instances.get(name);
        if (known != null) {
            return known;
        }
        try {
            Script script = build.loader().parse(Files.readString(variables.get(name)), name, null);
            instances.put(name, script);
            return script;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String resource(String path) throws IOException {
        for (Path folder : loaded.values()) {
            Path file = folder.resolve("resources").resolve(path);
            if (Files.isRegularFile(file)) {
                return Files.readString(file);
            }
        }
        throw new AbortException("No such library resource " + path + " could be found.");
    }

    /** Loads what {@code @Library} names, early enough for the rest of the script to use its classes. */
    CompilationCustomizer annotationReader() {
        return new CompilationCustomizer(CompilePhase.CONVERSION) {
            @Override
            public void call(SourceUnit source, GeneratorContext context, ClassNode classNode) {
                new Reader(source).visitClass(classNode);
            }
        };
    }

    private final class Reader extends ClassCodeVisitorSupport {
        private final SourceUnit source;

        Reader(SourceUnit source) {
            this.source = source;
        }

        @Override
        protected SourceUnit getSourceUnit() {
            return source;
        }

        @Override
        public void visitClass(ClassNode node) {
            node.getModule().getImports().forEach(anImport -> read(anImport.getAnnotations(), anImport));
            super.visitClass(node);
        }

        @Override
        public void visitAnnotations(AnnotatedNode node) {
            read(node.getAnnotations(), node);
        }

        private void read(List<AnnotationNode> annotations, ASTNode where) {
            for (AnnotationNode annotation : annotations) {
                if (annotation.getClassNode().getNameWithoutPackage().equals("Library")) {
                    Expression value = annotation.getMember("value");
                    List<Expression> names = value instanceof ListExpression list ? list.getExpressions() : List.of(value);
                    names.stream().filter(ConstantExpression.class::isInstance).forEach(name -> load(name, where));
                }
            }
        }

        private void load(Expression name, ASTNode where) {
            try {
                Libraries.this.load(name.getText());
            } catch (AbortException e) {
                build.console().print("ERROR: " + e.getMessage(), null);
                source.addException(e);
            }
        }
    }
}
