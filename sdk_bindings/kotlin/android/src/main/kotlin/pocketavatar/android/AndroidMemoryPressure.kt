package pocketavatar.android

import android.content.ComponentCallbacks2
import android.content.Context
import android.content.res.Configuration
import pocketavatar.MemoryPressure

/**
 * Reports Android's warnings that memory is short.
 *
 * Memory is short if it is low or critical while the app is in front, or if the app is in the
 * background and Android may end it for its memory. It is not short if the app is only hidden, for
 * example behind the picture picker, because the models would then be loaded again at once.
 */
public class AndroidMemoryPressure(
    /** The application's context. */
    private val context: Context,
) : MemoryPressure {
    override fun watch(onPressure: () -> Unit): AutoCloseable {
        val callbacks =
            object : ComponentCallbacks2 {
                override fun onTrimMemory(level: Int) {
                    if (isShort(level)) onPressure()
                }

                @Deprecated("Older versions of Android call it")
                override fun onLowMemory() = onPressure()

                override fun onConfigurationChanged(configuration: Configuration) {}
            }
        context.registerComponentCallbacks(callbacks)
        return AutoCloseable { context.unregisterComponentCallbacks(callbacks) }
    }

    @Suppress("DEPRECATION") // Versions before Android 14 send these levels.
    private fun isShort(level: Int): Boolean =
        level == ComponentCallbacks2.TRIM_MEMORY_RUNNING_LOW ||
            level == ComponentCallbacks2.TRIM_MEMORY_RUNNING_CRITICAL ||
            level >= ComponentCallbacks2.TRIM_MEMORY_BACKGROUND
}
