// Leaves the secret with which the agent logs in where the agent finds it: a volume that only the two have.
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.attribute.PosixFilePermissions
import jenkins.slaves.JnlpAgentReceiver

String name = 'ml-1'
Path secret = Path.of('/var/lib/jenkins-agent', name)
Files.deleteIfExists(secret)
Files.createFile(secret, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString('rw-------')))
Files.writeString(secret, JnlpAgentReceiver.SLAVE_SECRET.mac(name))
