package org.jenkinsml.harness

import org.jenkinsml.harness.globals.Value

/** The variable {@code docker}: what runs inside of an image runs on the plain node, if at all. */
class DockerVariable implements Serializable, Value {

    private static final long serialVersionUID = 1

    private final Host host

    DockerVariable(Host host) {
        this.host = host
    }

    def image(String name) {
        return new DockerImage(host, name)
    }

    def build(String name, String arguments = '.') {
        host.notRun('docker build')
        return new DockerImage(host, name)
    }

    def withRegistry(String url, String credentials = null, Closure body) {
        host.notRun('a Docker registry')
        return body.call()
    }

    def withServer(String uri, String credentials = null, Closure body) {
        host.notRun('a Docker server')
        return body.call()
    }
}

class DockerImage implements Serializable, Value {

    private static final long serialVersionUID = 1

    private final Host host
    final String id

    DockerImage(Host host, String id) {
        this.host = host
        this.id = id
    }

    def imageName() {
        return id
    }

    def pull() {
        host.notRun('docker pull')
    }

    def push(String tag = null) {
        host.notRun('docker push')
    }

    def inside(String arguments = '', Closure body) {
        host.notRun('a Docker container')
        return body.call()
    }

    def withRun(String arguments = '', String command = '', Closure body) {
        host.notRun('a Docker container')
        return body.call(this)
    }
}
