package pocketavatar

import java.io.File
import java.io.FileNotFoundException
import java.io.IOException
import java.io.InputStream

/** The place of the model's files, such as a folder or an app's assets. */
public fun interface ModelSource {
    /**
     * Opens a file. [path] is relative to the artifact's folder, with `/` between folders.
     *
     * @throws FileNotFoundException there is no such file.
     * @throws IOException the file cannot be read.
     */
    public fun open(path: String): InputStream

    /**
     * Returns the file itself if the model lies on a disk, so that a runtime can open it there, else
     * null. A model that is larger than the app's heap must lie on a disk.
     */
    public fun file(path: String): File? = null
}

/** A folder that holds the model's files. */
internal class DirectorySource(
    private val directory: File,
) : ModelSource {
    override fun open(path: String): InputStream = file(path).inputStream()

    override fun file(path: String): File = File(directory, path)
}
