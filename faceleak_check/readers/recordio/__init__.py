"""RecordIO files, the form in which MXNet and InsightFace release face datasets."""
