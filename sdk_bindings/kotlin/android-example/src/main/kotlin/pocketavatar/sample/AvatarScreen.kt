package pocketavatar.sample

import android.content.Context
import android.view.View
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.widget.ArrayAdapter
import android.widget.Button
import android.widget.CheckBox
import android.widget.ImageView
import android.widget.LinearLayout
import android.widget.ProgressBar
import android.widget.ScrollView
import android.widget.Spinner
import android.widget.TextView
import pocketavatar.AiLabel
import pocketavatar.Avatar
import pocketavatar.Style
import pocketavatar.Tier
import pocketavatar.android.toBitmap
import pocketavatar.credit

/** Everything that is seen; knows nothing of the library but styles and avatars. */
internal class AvatarScreen(
    private val context: Context,
    onPick: () -> Unit,
    onDraw: () -> Unit,
    onCancel: () -> Unit,
    private val onShare: (Avatar) -> Unit,
) {
    private val styles = Spinner(context)
    private val plus = CheckBox(context).apply { text = "I have Plus" }
    private val draw = button("Draw", onDraw).apply { isEnabled = false }
    private val cancel = button("Cancel", onCancel).apply { isEnabled = false }
    private val progress = ProgressBar(context, null, android.R.attr.progressBarStyleHorizontal)
    private val avatars = column()

    /** What the app says, under the buttons. */
    val words = TextView(context)

    val root: View

    val style: Style get() = Style.entries[styles.selectedItemPosition]

    /** A stand-in for a shop; a real app asks its billing library. */
    val hasPlus: Boolean get() = plus.isChecked

    init {
        val names = Style.entries.map { if (it.tier == Tier.PLUS) "${it.title} ★ Plus" else it.title }
        styles.adapter = ArrayAdapter(context, android.R.layout.simple_spinner_dropdown_item, names)
        val column = column()
        val views = listOf(button("Pick selfies", onPick), styles, plus, draw, cancel, progress, words, avatars)
        for (view in views) column.addView(view, MATCH_PARENT, WRAP_CONTENT)
        root = ScrollView(context).apply { addView(column) }
    }

    fun say(text: String) {
        words.text = text
    }

    fun showSelfies(count: Int, complaints: List<String>) {
        draw.isEnabled = complaints.isEmpty()
        say(if (complaints.isEmpty()) "$count selfies, all good" else complaints.joinToString("\n"))
    }

    fun startDrawing() {
        avatars.removeAllViews()
        draw.isEnabled = false
        cancel.isEnabled = true
        say("Drawing…")
    }

    fun stopDrawing() {
        draw.isEnabled = true
        cancel.isEnabled = false
        progress.progress = 0
    }

    fun showProgress(done: Int, of: Int) {
        progress.max = of
        progress.progress = done
    }

    /** With the label that it is AI-made, and what the style's licence asks for. */
    fun showAvatar(avatar: Avatar) {
        val picture =
            ImageView(context).apply {
                setImageBitmap(avatar.toBitmap())
                adjustViewBounds = true
                contentDescription = "${AiLabel.CAPTION} avatar in the style ${avatar.style.title}; touch to share"
                setOnClickListener { onShare(avatar) }
            }
        val caption = TextView(context).apply { text = "${AiLabel.CAPTION}, ${avatar.style.credit}" }
        avatars.addView(picture, MATCH_PARENT, WRAP_CONTENT)
        avatars.addView(caption, MATCH_PARENT, WRAP_CONTENT)
    }

    private fun button(title: String, action: () -> Unit) =
        Button(context).apply {
            text = title
            setOnClickListener { action() }
        }

    private fun column() = LinearLayout(context).apply { orientation = LinearLayout.VERTICAL }
}
