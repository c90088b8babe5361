import AvatarStudio
import PhotosUI
import SwiftUI

/// A screen on which a user picks selfies, sees what is wrong with them, chooses a style, and draws
/// and shares labelled avatars.
public struct AvatarScreen: View {
  @StateObject private var model: AvatarScreenModel
  @State private var picks: [PhotosPickerItem] = []

  /// Creates the screen.
  ///
  /// - Parameter hasPlus: Whether the user has bought Plus.
  public init(hasPlus: Bool) {
    _model = StateObject(wrappedValue: AvatarScreenModel(hasPlus: hasPlus))
  }

  public var body: some View {
    NavigationStack {
      Form {
        selfies
        style
        drawing
        avatars
      }
      .navigationTitle("Avatars")
    }
    .onChange(of: picks) { picks in model.use(picks) }
  }

  private var selfies: some View {
    Section("Selfies") {
      let most = Manifest.bundled.maxSelfies
      PhotosPicker(selection: $picks, maxSelectionCount: most, matching: .images) {
        Label("Choose 1 to \(most) selfies", systemImage: "person.crop.square")
      }
      ForEach(model.problems, id: \.self) { problem in
        Label(problem, systemImage: "exclamationmark.triangle")
      }
    }
  }

  private var style: some View {
    Section("Style") {
      Picker("Style", selection: $model.style) {
        ForEach(AvatarStyle.allCases, id: \.self) { style in
          Text(style.needsPlus ? "\(style.details.title) (Plus)" : style.details.title).tag(style)
        }
      }
      Text(model.style.details.credit).font(.footnote)
    }
  }

  private var drawing: some View {
    Section {
      if let progress = model.progress {
        ProgressView(value: progress)
        Button("Stop") { model.stop() }
      } else {
        Button("Draw four avatars") { model.draw() }.disabled(!model.canDraw)
      }
    }
  }

  private var avatars: some View {
    Section(AiLabel.disclosure) {
      ForEach(model.avatars, id: \.index) { avatar in AvatarRow(avatar: avatar) }
    }
  }
}

/// Shows one avatar and a button that shares it as a labelled file.
private struct AvatarRow: View {
  let avatar: Avatar

  var body: some View {
    if let image = avatar.cgImage {
      let picture = Image(decorative: image, scale: 1)
      HStack {
        picture.resizable().scaledToFit()
          .accessibilityLabel("\(AiLabel.disclosure), \(avatar.style.details.title)")
        ShareLink(
          item: SharedAvatar(avatar: avatar),
          preview: SharePreview(AiLabel.disclosure, image: picture))
      }
    }
  }
}

/// The PNG file that leaves the app when the user shares an avatar.
private struct SharedAvatar: Transferable {
  let avatar: Avatar

  static var transferRepresentation: some TransferRepresentation {
    DataRepresentation(exportedContentType: .png) { (shared: SharedAvatar) in
      try shared.avatar.pngData()
    }
  }
}
