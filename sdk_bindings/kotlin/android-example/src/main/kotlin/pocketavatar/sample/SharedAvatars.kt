package pocketavatar.sample

import android.content.ContentProvider
import android.content.ContentValues
import android.database.Cursor
import android.database.MatrixCursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.OpenableColumns
import pocketavatar.Avatar
import java.io.FileNotFoundException
import java.io.FileOutputStream
import java.io.IOException

/** Gives another app the labelled PNG file of the shared avatar. It lies in memory only. */
public class SharedAvatars : ContentProvider() {
    override fun onCreate(): Boolean = true

    override fun getType(uri: Uri): String = "image/png"

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor {
        val png = offered[uri] ?: throw FileNotFoundException("$uri is not shared any more")
        return openPipeHelper(uri, "image/png", null, png) { output, _, _, _, bytes ->
            try {
                FileOutputStream(output.fileDescriptor).write(bytes) // The caller closes it.
            } catch (_: IOException) {
                // The other app stopped reading.
            }
        }
    }

    override fun query(
        uri: Uri,
        columns: Array<String>?,
        selection: String?,
        arguments: Array<String>?,
        order: String?,
    ): Cursor {
        val cursor = MatrixCursor(arrayOf(OpenableColumns.DISPLAY_NAME, OpenableColumns.SIZE))
        offered[uri]?.let { cursor.addRow(arrayOf<Any>("avatar.png", it.size)) }
        return cursor
    }

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun update(uri: Uri, values: ContentValues?, selection: String?, arguments: Array<String>?): Int = 0

    override fun delete(uri: Uri, selection: String?, arguments: Array<String>?): Int = 0

    internal companion object {
        @Volatile private var offered = emptyMap<Uri, ByteArray>()

        /** Returns the address from which another app can read [avatar] until the next one is shared. */
        fun offer(avatar: Avatar): Uri {
            val uri = Uri.parse("content://pocketavatar.sample.shared/${avatar.style.id}-${avatar.seed}.png")
            offered = mapOf(uri to avatar.png())
            return uri
        }
    }
}
