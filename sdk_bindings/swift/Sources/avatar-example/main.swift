import AvatarStudio
print(AvatarLabel.disclosure)
