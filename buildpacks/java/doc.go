// Package java is the buildpack slugc/java
package java
