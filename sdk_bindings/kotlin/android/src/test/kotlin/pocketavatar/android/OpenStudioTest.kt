package pocketavatar.android

import android.app.Application
import android.content.ComponentCallbacks2
import android.graphics.BitmapFactory
import android.net.Uri
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.Assume.assumeTrue
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode
import pocketavatar.AiLabel
import pocketavatar.Avatar
import pocketavatar.AvatarEvent
import pocketavatar.AvatarException
import pocketavatar.AvatarStudio
import pocketavatar.Backend
import pocketavatar.FakeBackend
import pocketavatar.OnnxRuntimeBackend
import pocketavatar.Selfie
import pocketavatar.StudioOptions
import java.io.File
import java.io.IOException
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34])
@GraphicsMode(GraphicsMode.Mode.NATIVE)
class OpenStudioTest {
    private val selfies = listOf(selfieOf(selfieFile(1)), selfieOf(selfieFile(2)))

    private fun artifactFolder(): File {
        val root = File(System.getProperty("sdk.root"))
        val known = System.getenv("AVATAR_ARTIFACT") ?: "../../dist/onnx"
        val folder = listOf("artifact", known).map(root::resolve).find(File::isDirectory)
        assumeTrue("no artifact: set AVATAR_ARTIFACT, or make dist/onnx", folder != null)
        assumeTrue("no model among the assets: is aapt2 there?", "README.md" in context.assets.list("avatar").orEmpty())
        return checkNotNull(folder)
    }

    private fun AvatarStudio.draw(selfies: List<Selfie> = this@OpenStudioTest.selfies): Avatar =
        use { studio ->
            runBlocking { studio.avatars(selfies, freeStyle, seed = 7u).toList() }
        }.filterIsInstance<AvatarEvent.Drawn>().single().avatar

    @Test
    fun `the model among the assets draws what the model in a folder draws`() {
        val folder = artifactFolder()
        val options = StudioOptions(backend = OnnxRuntimeBackend(threads = 1))
        val fromAssets = runBlocking { AvatarStudio.open(context, options) }.draw()
        val fromFolder = runBlocking { AvatarStudio.open(folder, options) }.draw()
        assertContentEquals(fromFolder.pixels, fromAssets.pixels)
        assertTrue(fromAssets.pixels.distinct().size > 100, "an empty picture")
    }

    @Test
    fun `a missing model is one typed error`() {
        val nothing = context.createPackageContext(context.packageName, 0)
        assumeTrue("README.md" !in nothing.assets.list("nowhere").orEmpty())
        val source = pocketavatar.ModelSource { path -> nothing.assets.open("nowhere/$path") }
        assertFailsWith<AvatarException.ModelMissing> { runBlocking { AvatarStudio.open(source) } }
    }

    @Test
    fun `Android's memory warning drops the models`() {
        var loads = 0
        val backend =
            Backend { component, model ->
                loads++
                FakeBackend().load(component, model)
            }
        val options = androidOptions(context, backend).copy(faceDetector = null)
        val studio = AvatarStudio.withoutModel(backend, options)
        val app = context as Application

        fun draw() = runBlocking { studio.avatars(selfies, freeStyle).collect() }
        draw()
        app.onTrimMemory(ComponentCallbacks2.TRIM_MEMORY_UI_HIDDEN)
        draw()
        assertEquals(3, loads)
        app.onTrimMemory(ComponentCallbacks2.TRIM_MEMORY_RUNNING_CRITICAL)
        draw()
        assertEquals(6, loads)
        app.onLowMemory()
        draw()
        assertEquals(9, loads)
        studio.close()
        app.onLowMemory()
    }

    @Test
    fun `a content URI is read, and one that is gone is named`() {
        val uri = Uri.parse("content://pictures/1")
        shadowOf(context.contentResolver).registerInputStreamSupplier(uri) { selfieFile(1).inputStream() }
        val here = selfieOf(context, uri)
        here.open().use { assertEquals(enoughPixels to enoughPixels, it.width to it.height) }
        here.open().close()

        val gone = Uri.parse("content://pictures/2")
        shadowOf(context.contentResolver).registerInputStreamSupplier(gone) { throw SecurityException("revoked") }
        assertFailsWith<IOException> { selfieOf(context, gone).open() }
        val studio = AvatarStudio.withoutModel()
        val error =
            assertFailsWith<AvatarException.UnreadablePicture> {
                runBlocking { studio.check(listOf(here, selfieOf(context, gone))) }
            }
        assertEquals(1, error.selfie)
    }

    @Test
    fun `an avatar becomes a bitmap, and a labelled JPEG`() {
        val avatar = AvatarStudio.withoutModel().draw()
        val bitmap = avatar.toBitmap()
        val middle = avatar.width / 2 to avatar.height / 3
        assertEquals(
            avatar.pixels[middle.second * avatar.width + middle.first],
            bitmap.getPixel(middle.first, middle.second),
        )
        val jpeg = avatar.jpeg()
        assertTrue(AiLabel.DIGITAL_SOURCE_TYPE in String(jpeg, Charsets.ISO_8859_1))
        assertEquals(avatar.width, BitmapFactory.decodeByteArray(jpeg, 0, jpeg.size).width)
    }

    @Test
    fun `the library asks for no permission`() {
        val manifest = File(System.getProperty("sdk.root"), "android/src/main/AndroidManifest.xml").readText()
        assertFalse("permission" in manifest.replace(Regex("<!--.*?-->", RegexOption.DOT_MATCHES_ALL), ""))
    }
}
