package pocketavatar

import java.io.File
import java.io.FileNotFoundException
import java.io.IOException
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest
import java.util.concurrent.ConcurrentHashMap

/** The files of an artifact, which are checked against the manifest. */
internal class Artifact(
    private val manifest: Manifest,
    private val source: ModelSource,
) {
    private val checked = ConcurrentHashMap<String, Pair<Long, Long>>()

    /**
     * Checks the manifest and the size and SHA-256 of every file. It reads 64 KiB at a time.
     *
     * @throws AvatarException.ModelMissing a file is missing.
     * @throws AvatarException.ModelDamaged a file differs from the one that was published.
     * @throws AvatarException.ModelOfAnotherVersion the schema version or the model card differs,
     *   or a table does not fit.
     */
    fun verify() {
        manifest.checkReadable()
        // The card comes first, because it decides between another model and a damaged one.
        for (file in manifest.files.sortedByDescending { it.path == Manifest.CARD }) {
            readChecked(file) { _, _ -> }
            stampOf(file.path)?.let { checked[file.path] = it }
        }
    }

    /**
     * Returns the file on the disk, or null if the model does not lie on one. A file that changed since
     * it was checked is checked again, 64 KiB at a time.
     */
    fun file(path: String): File? {
        val stamp = stampOf(path) ?: return null
        if (checked[path] != stamp) {
            readChecked(manifest.files.first { it.path == path }) { _, _ -> }
            checked[path] = stamp
        }
        return source.file(path)
    }

    /** Returns the size and the time of the last change of a file on the disk. */
    private fun stampOf(path: String): Pair<Long, Long>? = source.file(path)?.run { length() to lastModified() }

    /** Returns the bytes of a whole file in a direct buffer, after checking them. */
    fun read(path: String): ByteBuffer {
        val file = manifest.files.first { it.path == path }
        val bytes = ByteBuffer.allocateDirect(file.byteCount.toInt()).order(ByteOrder.nativeOrder())
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
            if (size > file.byteCount) throw damaged(file, "it has more than ${file.byteCount} bytes")
            digest.update(part, 0, count)
            take(part, count)
        }
        if (size != file.byteCount) throw damaged(file, "it has $size bytes, expected ${file.byteCount}")
        if (digest.digest().toHex() != file.sha256) throw damaged(file, "its SHA-256 differs")
    }

    /**
     * The model card names the checkpoint, so a card that differs means another model. Any other
     * file that differs is damaged.
     */
    private fun damaged(file: ModelFile, reason: String): AvatarException =
        if (file.path == Manifest.CARD) {
            AvatarException.ModelOfAnotherVersion("${file.path} is not the one published with this library")
        } else {
            AvatarException.ModelDamaged(file.path, reason)
        }
}

private fun ByteArray.toHex(): String = joinToString("") { (it.toInt() and 255 or 256).toString(16).substring(1) }
