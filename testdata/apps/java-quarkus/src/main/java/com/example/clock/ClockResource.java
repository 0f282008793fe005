package com.example.clock;

import java.time.ZoneId;
import java.time.zone.ZoneRulesException;

import jakarta.ws.rs.GET;
import jakarta.ws.rs.NotFoundException;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;

@Path("/")
@Produces(MediaType.TEXT_PLAIN)
public class ClockResource {
    @GET
    public String about() {
        return "Quarkus on Java " + Runtime.version().feature() + "\n";
    }

    @GET
    @Path("zones/{area}/{city}")
    public String zone(String area, String city) {
        try {
            return ZoneId.of(area + "/" + city).getRules().getStandardOffset(java.time.Instant.EPOCH) + "\n";
        } catch (ZoneRulesException e) {
            throw new NotFoundException(e);
        }
    }
}
