"""The policies together, and the version they make up."""

from serializers import model, purchases, spending, webmaster
from serializers.policy.publish import document_of, version_of

POLICIES = (webmaster.POLICY, purchases.POLICY, model.POLICY, spending.POLICY)
DOCUMENT = document_of(POLICIES)
VERSION = version_of(DOCUMENT)
