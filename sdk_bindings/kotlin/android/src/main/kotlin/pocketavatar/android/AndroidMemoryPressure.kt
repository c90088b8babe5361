package pocketavatar.android

import android.content.ComponentCallbacks2
import android.content.Context
import android.content.res.Configuration
import pocketavatar.MemoryPressure

/**
 * Android's word that memory is short: low or critical while the app is in front, or the app is in
 * the background and may be ended for its memory. That it is merely hidden, behind the picture picker
 * for one, is no reason to load everything again.
 */
public class AndroidMemoryPressure(
    /** The application's. */
    private val context: Context,
) : MemoryPressure {
    override fun watch(onPressure: () -> Unit): AutoCloseable {
        val callbacks =
            object : ComponentCallbacks2 {
                override fun onTrimMemory(level: Int) {
                    if (isShort(level)) onPressure()
                }

                @Deprecated("Android's older word for it")
                override fun onLowMemory() = onPressure()

                override fun onConfigurationChanged(configuration: Configuration) {}
            }
        context.registerComponentCallbacks(callbacks)
        return AutoCloseable { context.unregisterComponentCallbacks(callbacks) }
    }

    @Suppress("DEPRECATION") // not sent from Android 14 on, but before
    private fun isShort(level: Int): Boolean =
        level == ComponentCallbacks2.TRIM_MEMORY_RUNNING_LOW ||
            level == ComponentCallbacks2.TRIM_MEMORY_RUNNING_CRITICAL ||
            level >= ComponentCallbacks2.TRIM_MEMORY_BACKGROUND
}
