package org.jenkinsml.harness;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** The nodes of the server: who waits for an executor, and in which workspaces they work. */
final class Nodes {

    /** A node as the server's configuration has it. */
    private static final class Node {
        final String name;
        final Set<String> labels;
        final List<String> labelList;
        final int executors;
        int busy;

        Node(Map<String, Object> json) {
            name = (String) json.get("name");
            labelList = new ArrayList<>(Json.asStrings(json.get("labels")));
            if (!labelList.contains(name)) {
                labelList.add(name);
            }
            labels = new HashSet<>(labelList);
            executors = ((Number) json.getOrDefault("executors", 1)).intValue();
        }
    }

    /** An executor and a workspace, for as long as a {@code node} block runs. */
    static final class Lease implements Live {
        private final Nodes nodes;
        private final Node node;
        private final Path workspace;
        /** Marks the processes of the block in their environment; they die with it. */
        private final String cookie = UUID.randomUUID().toString();

        private Lease(Nodes nodes, Node node, Path workspace) {
            this.nodes = nodes;
            this.node = node;
            this.workspace = workspace;
        }

        Path workspace() {
            return workspace;
        }

        String nodeName() {
            return node.name;
        }

        String cookie() {
            return cookie;
        }

        void addTo(Map<String, String> environment) {
            environment.put("NODE_NAME", node.name);
            environment.put("NODE_LABELS", String.join(" ", node.labelList));
            environment.put("EXECUTOR_NUMBER", "0");
            environment.put(Processes.COOKIE, cookie);
        }

        /** Ends the processes that the block left behind and gives the executor back. */
        void release() {
            Processes.kill(Processes.COOKIE, cookie);
            nodes.release(this);
        }
    }

    private record Request(String label, Suspension.Completion completion) {
    }

    private final List<Node> nodes = new ArrayList<>();
    private final Set<Path> workspaces = new HashSet<>();
    private final Set<Lease> leases = new LinkedHashSet<>();
    private final Deque<Request> queue = new ArrayDeque<>();
    private final Path root;
    private final String jobName;

    Nodes(List<Map<String, Object>> configured, Path root, String jobName) {
        configured.forEach(json -> nodes.add(new Node(json)));
        this.root = root;
        this.jobName = jobName;
    }

    /** Gives a lease as soon as a node with that label has an executor left. */
    void request(String label, Suspension.Completion completion) {
        queue.add(new Request(label, completion));
        serve();
    }

    void withdraw(Suspension.Completion completion) {
        queue.removeIf(request -> request.completion() == completion);
    }

    boolean exists(String label) {
        return nodes.stream().anyMatch(node -> LabelExpression.matches(label, node.labels));
    }

    /** The names of the nodes with that label. */
    List<String> names(String label) {
        return nodes.stream().filter(node -> LabelExpression.matches(label, node.labels)).map(node -> node.name).toList();
    }

    /** A folder that nobody uses, named after the wanted one. */
    Path lockWorkspace(Path wanted) {
        Path path = wanted;
        for (int n = 2; !workspaces.add(path); n++) {
            path = wanted.resolveSibling(wanted.getFileName() + "@" + n);
        }
        return path;
    }

    void unlockWorkspace(Path workspace) {
        workspaces.remove(workspace);
    }

    /** At the end of the build: ends the processes of blocks that were not left in order. */
    void close() {
        List.copyOf(leases).forEach(Lease::release);
    }

    private void serve() {
        for (Request request : List.copyOf(queue)) {
            for (Node node : nodes) {
                if (node.busy < node.executors && LabelExpression.matches(request.label(), node.labels)) {
                    queue.remove(request);
                    node.busy++;
                    Path workspace = lockWorkspace(root.resolve(node.name).resolve("workspace").resolve(jobName));
                    Lease lease = new Lease(this, node, workspace);
                    leases.add(lease);
                    request.completion().succeed(lease);
                    break;
                }
            }
        }
    }

    private void release(Lease lease) {
        if (leases.remove(lease)) {
            unlockWorkspace(lease.workspace);
            lease.node.busy--;
            serve();
        }
    }
}
