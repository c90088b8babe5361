package pocketavatar.sample

import android.app.Activity
import android.content.ClipData
import android.content.Intent
import android.graphics.Bitmap
import android.net.Uri
import android.os.Looper
import android.os.ParcelFileDescriptor
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.ImageView
import android.widget.Spinner
import android.widget.TextView
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import org.junit.Assume.assumeTrue
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode
import pocketavatar.AiLabel
import pocketavatar.AvatarException
import pocketavatar.AvatarStudio
import pocketavatar.AvatarStyle
import pocketavatar.Tier
import java.io.ByteArrayOutputStream
import kotlin.random.Random
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34])
@GraphicsMode(GraphicsMode.Mode.NATIVE)
class AvatarActivityTest {
    private val opened = ArrayList<AvatarStudio>()

    init {
        AvatarActivity.openStudio = { AvatarStudio.withoutModel().also(opened::add) }
    }

    private val controller = Robolectric.buildActivity(AvatarActivity::class.java).setup()
    private val activity = controller.get()
    private val views get() = all(activity.findViewById(android.R.id.content))

    private fun all(view: View): List<View> =
        listOf(view) +
            if (view is ViewGroup) (0 until view.childCount).flatMap { all(view.getChildAt(it)) } else emptyList()

    private fun button(title: String) = views.filterIsInstance<Button>().single { it.text == title }

    private fun said() = views.filterIsInstance<TextView>().joinToString("\n") { it.text }

    private fun waitFor(what: () -> Boolean) {
        repeat(200) {
            shadowOf(Looper.getMainLooper()).idle()
            if (what()) return
            Thread.sleep(25)
        }
        error("in vain; the screen says: ${said()}")
    }

    private fun pick(vararg files: ByteArray) {
        button("Pick selfies").performClick()
        val asked = shadowOf(activity).nextStartedActivityForResult
        assertEquals(Intent.ACTION_GET_CONTENT, asked.intent.action)
        val uris = files.indices.map { Uri.parse("content://pictures/$it") }
        files.forEachIndexed { i, file ->
            shadowOf(activity.contentResolver).registerInputStreamSupplier(uris[i]) { file.inputStream() }
        }
        val clip = ClipData.newRawUri("", uris.first()).apply { uris.drop(1).forEach { addItem(ClipData.Item(it)) } }
        shadowOf(activity).receiveResult(asked.intent, Activity.RESULT_OK, Intent().apply { clipData = clip })
    }

    private fun picture(seed: Int, side: Int = 200): ByteArray {
        val random = Random(seed)
        val colours = IntArray(64 * 64) { random.nextInt() or (255 shl 24) }
        val pixels = IntArray(side * side) { colours[it / side / 8 * 64 + it % side / 8] }
        val bitmap = Bitmap.createBitmap(pixels, side, side, Bitmap.Config.ARGB_8888)
        return ByteArrayOutputStream().also { bitmap.compress(Bitmap.CompressFormat.PNG, 100, it) }.toByteArray()
    }

    @Test
    fun `from selfies to a shared avatar`() {
        pick(picture(1), picture(2))
        waitFor { "2 selfies, all good" in said() }
        button("Draw").performClick()
        waitFor { "Drawn in" in said() }
        val pictures = views.filterIsInstance<ImageView>()
        assertEquals(4, pictures.size)
        assertEquals(4, views.filterIsInstance<TextView>().count { AiLabel.DISCLOSURE in it.text })

        pictures.first().performClick()
        val chooser = shadowOf(activity).nextStartedActivity

        @Suppress("DEPRECATION")
        val send = chooser.getParcelableExtra<Intent>(Intent.EXTRA_INTENT)!!

        @Suppress("DEPRECATION")
        val uri = send.getParcelableExtra<Uri>(Intent.EXTRA_STREAM)!!
        val provider = Robolectric.setupContentProvider(SharedAvatars::class.java)
        val size = provider.query(uri, null, null, null, null).use { it.moveToFirst().run { it.getLong(1) } }
        val file = provider.openFile(uri, "r")
        waitFor { file.statSize == size } // Robolectric's pipes are files, which end where they are read
        val shared = ParcelFileDescriptor.AutoCloseInputStream(file).readBytes()
        assertTrue(AiLabel.DIGITAL_SOURCE_TYPE in String(shared, Charsets.ISO_8859_1))
    }

    @Test
    fun `problems with selfies are shown, and nothing can be drawn`() {
        pick(picture(1), picture(1), picture(2, side = 40), "no picture".toByteArray().copyOf(50))
        waitFor { "Selfie 4 cannot be read" in said() }
        pick(picture(1), picture(1), picture(2, side = 40))
        waitFor { "Selfie 2 is nearly the same as selfie 1." in said() && "Selfie 3 is too small." in said() }
        assertFalse(button("Draw").isEnabled)
    }

    private fun assertClosed(studio: AvatarStudio) {
        assertFailsWith<AvatarException.Closed> { runBlocking { studio.prepare() } }
    }

    @Test
    fun `the studio is closed with the activity`() {
        waitFor { opened.size == 1 }
        controller.destroy()
        assertClosed(opened.single())
    }

    @Test
    fun `a studio that opens after the activity is gone is closed`() {
        waitFor { opened.size == 1 }
        var opening = false
        val mayOpen = CompletableDeferred<Unit>()
        AvatarActivity.openStudio = {
            opening = true
            withContext(NonCancellable) { mayOpen.await() }
            AvatarStudio.withoutModel().also(opened::add)
        }
        val brief = Robolectric.buildActivity(AvatarActivity::class.java).setup()
        waitFor { opening }
        brief.destroy()
        mayOpen.complete(Unit)
        waitFor { opened.size == 2 }
        assertClosed(opened.last())
    }

    @Test
    fun `a Plus style is marked, and needs Plus`() {
        val styles = views.filterIsInstance<Spinner>().single()
        val titles = List(styles.count) { styles.getItemAtPosition(it).toString() }
        assertEquals(AvatarStyle.entries.map { if (it.tier == Tier.PLUS) "${it.title} ★ Plus" else it.title }, titles)
        val plus = AvatarStyle.entries.find { it.tier == Tier.PLUS }
        assumeTrue("the artifact has no Plus style", plus != null)
        pick(picture(1))
        waitFor { "all good" in said() }
        styles.setSelection(checkNotNull(plus).ordinal)
        button("Draw").performClick()
        waitFor { "${plus.title} comes with Plus." in said() }
        button("I have Plus").performClick()
        button("Draw").performClick()
        waitFor { "Drawn in" in said() }
    }
}
