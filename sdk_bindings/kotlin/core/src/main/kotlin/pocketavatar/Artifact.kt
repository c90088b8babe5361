package pocketavatar

import java.io.File
import java.io.FileNotFoundException
import java.io.IOException
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest

/** Where an artifact's files are: a folder, an app's assets. */
public fun interface ModelSource {
    /**
     * A file's bytes from its beginning; [path] has `/` between folders.
     *
     * @throws FileNotFoundException there is no such file.
     * @throws IOException it cannot be read.
     */
    public fun open(path: String): InputStream
}

internal class DirectorySource(
    private val directory: File,
) : ModelSource {
    override fun open(path: String): InputStream = File(directory, path).inputStream()
}

/** The files behind the generated manifest, each checked against its size and hash. */
internal class Artifact(
    private val manifest: Manifest,
    private val source: ModelSource,
) {
    /**
     * Checks every file, a small part in memory at a time.
     *
     * @throws AvatarException.ModelMissing, [AvatarException.ModelDamaged],
     *   [AvatarException.ModelOfAnotherVersion]
     */
    fun verify() {
        val version = manifest.schemaVersion
        if (version != Manifest.SCHEMA_VERSION) {
            throw AvatarException.ModelOfAnotherVersion(
                "its schema version is $version, this library reads ${Manifest.SCHEMA_VERSION}",
            )
        }
        for (file in manifest.files.sortedByDescending { it.path == Manifest.CARD }) {
            readChecked(file) { _, _ -> }
        }
    }

    /** The whole of a file in memory. */
    fun read(path: String): ByteBuffer {
        val file = manifest.files.first { it.path == path }
        val bytes = ByteBuffer.allocateDirect(file.bytes.toInt()).order(ByteOrder.nativeOrder())
        readChecked(file) { part, count -> bytes.put(part, 0, count) }
        bytes.flip()
        return bytes
    }

    private inline fun readChecked(file: ModelFile, take: (ByteArray, Int) -> Unit) {
        try {
            source.open(file.path).use { stream -> check(file, stream, take) }
        } catch (error: FileNotFoundException) {
            throw AvatarException.ModelMissing(file.path, error)
        } catch (error: IOException) {
            throw AvatarException.ModelDamaged(file.path, error.message ?: error.toString(), error)
        }
    }

    private inline fun check(file: ModelFile, stream: InputStream, take: (ByteArray, Int) -> Unit) {
        val digest = MessageDigest.getInstance("SHA-256")
        val part = ByteArray(1 shl 16)
        var size = 0L
        while (true) {
            val count = stream.read(part)
            if (count < 0) break
            size += count
            if (size > file.bytes) throw damaged(file, "it has more than ${file.bytes} bytes")
            digest.update(part, 0, count)
            take(part, count)
        }
        if (size != file.bytes) throw damaged(file, "it has $size bytes, expected ${file.bytes}")
        if (digest.digest().toHex() != file.sha256) throw damaged(file, "its SHA-256 is another")
    }

    /** The card vouches for the rest: if it is another one, the model is, and not damaged. */
    private fun damaged(file: ModelFile, why: String): AvatarException =
        if (file.path == Manifest.CARD) {
            AvatarException.ModelOfAnotherVersion("${file.path} is not the one published with this library")
        } else {
            AvatarException.ModelDamaged(file.path, why)
        }
}

private fun ByteArray.toHex(): String = joinToString("") { (it.toInt() and 255 or 256).toString(16).substring(1) }
