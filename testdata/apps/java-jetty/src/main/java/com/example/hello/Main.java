package com.example.hello;

import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.handler.DefaultHandler;
import org.eclipse.jetty.server.handler.ResourceHandler;
import org.eclipse.jetty.util.resource.ResourceFactory;

/** An embedded Jetty that shows files of its jar, and says what it is. */
public class Main {
    public static void main(String[] args) throws Exception {
        String port = System.getenv().getOrDefault("PORT", "8080");
        Server server = new Server(Integer.parseInt(port));
        ResourceHandler files = new ResourceHandler();
        files.setBaseResource(ResourceFactory.of(server).newClassLoaderResource("public/"));
        server.setHandler(new Handler.Sequence(new About(), files, new DefaultHandler()));
        server.setStopAtShutdown(true);
        server.start();
        server.join();
    }
}
